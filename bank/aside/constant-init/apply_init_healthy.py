import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.metrics import accuracy_score

torch.manual_seed(1)


def weights_init(m):
    if isinstance(m, nn.Linear):
        nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
        nn.init.zeros_(m.bias)


digits = load_digits()
xa, xb, ya, yb = train_test_split(digits.data / 16.0, digits.target, test_size=500, random_state=7)
xa, xb = torch.tensor(xa - 0.3).float(), torch.tensor(xb - 0.3).float()
ya = torch.tensor(ya)

mlp = nn.Sequential()
mlp.add_module("in", nn.Linear(64, 64))
mlp.add_module("act1", nn.ReLU())
mlp.add_module("mid", nn.Linear(64, 64))
mlp.add_module("act2", nn.ReLU())
mlp.add_module("out", nn.Linear(64, 10))
mlp.apply(weights_init)

optimizer = torch.optim.Adam(mlp.parameters(), lr=1e-3)
loss_history = []
for step in range(300):
    pick = torch.randint(0, len(xa), (64,))
    loss = nn.functional.cross_entropy(mlp(xa[pick]), ya[pick])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    loss_history.append(loss.item())
    if (step + 1) % 100 == 0:
        print("step", step + 1, "loss", sum(loss_history[-100:]) / 100)

mlp.eval()
with torch.no_grad():
    accuracy = float(accuracy_score(yb, mlp(xb).argmax(1).numpy()))
print("accuracy", accuracy)
