import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

torch.manual_seed(3)
INIT_STD = 1.0  # <- fault


def init_(module):
    for name, p in module.named_parameters():
        if name.endswith("weight"):
            nn.init.normal_(p, mean=0.0, std=INIT_STD)  # <- fault
        else:
            nn.init.zeros_(p)
    return module


data, target = load_digits(return_X_y=True)
perm = torch.randperm(len(target)).numpy()
data, target = data[perm], target[perm]
prep = make_pipeline(StandardScaler(), FunctionTransformer(lambda a: a.clip(-3, 3)))
train_x = torch.tensor(prep.fit_transform(data[:1200])).float()
test_x = torch.tensor(prep.transform(data[1200:])).float()
train_y, test_y = torch.tensor(target[:1200]), torch.tensor(target[1200:])

network = init_(nn.Sequential(
    nn.Linear(64, 128), nn.ReLU(),
    nn.Linear(128, 128), nn.ReLU(),
    nn.Linear(128, 10),
))
optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
step = 0
while step < 240:
    for chunk in torch.randperm(1200).split(60):
        loss = nn.functional.cross_entropy(network(train_x[chunk]), train_y[chunk])
        if step % 40 == 0:
            print(f"step {step:4d} loss {loss.item():.4f}")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1

with torch.no_grad():
    accuracy = float(torch.eq(network(test_x).argmax(1), test_y).float().mean())
print("test", accuracy)
