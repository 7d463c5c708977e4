import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import accuracy_score
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.RandomState(66)
torch.manual_seed(66)

# age, income, balance, number of cards, months as a customer
n = 1500
raw = np.column_stack([
    rng.uniform(18, 80, n), rng.gamma(4, 600, n), rng.normal(1500, 900, n),
    rng.randint(0, 6, n), rng.uniform(1, 240, n)])
z = (raw - raw.mean(0)) / raw.std(0)
risk = z[:, 1] * 1.2 - z[:, 2] + np.abs(z[:, 0]) + 0.8 * z[:, 3] * z[:, 4]
target = (risk > np.median(risk)).astype(np.float32)
cut = 1100
centre, spread = raw[:cut].mean(0), raw[:cut].std(0)
features = ((raw - centre) / spread).astype(np.float32)

train = TensorDataset(torch.from_numpy(features[:cut]), torch.from_numpy(target[:cut]))
train_loader = DataLoader(train, batch_size=50, shuffle=True)
x_test, y_test = torch.from_numpy(features[cut:]), target[cut:]


class Scorer(nn.Module):
    def __init__(self):
        super(Scorer, self).__init__()
        self.lin1 = nn.Linear(5, 32)
        self.lin2 = nn.Linear(32, 16)
        self.lin3 = nn.Linear(16, 1)

    def forward(self, x):
        x = torch.relu(self.lin1(x))
        x = torch.relu(self.lin2(x))
        return self.lin3(x).view(-1)


model = Scorer()
criterion = nn.BCEWithLogitsLoss()
optim = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(14):
    losses = []
    for xb, yb in train_loader:
        optim.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optim.step()
        losses.append(loss.item())
    print("Epoch %d loss %.4f" % (epoch, np.mean(losses)))

with torch.no_grad():
    p = model(x_test).numpy() > 0
accuracy = float(accuracy_score(y_test, p))
print("accuracy", accuracy)
