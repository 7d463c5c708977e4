import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.preprocessing import MinMaxScaler
from torch.utils.data import DataLoader, TensorDataset, Subset

torch.manual_seed(1001)

config = dict(
    epochs=24,
    batch_size=32,
    lr=1e-3,
    hidden=(96, 48),
    n_train=1400,
)

X, y = load_digits(return_X_y=True)
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
mm = MinMaxScaler((-1, 1)).fit(X[: config["n_train"]])
ds = TensorDataset(torch.from_numpy(mm.transform(X)).float(), torch.from_numpy(y))
dl_train = DataLoader(Subset(ds, range(config["n_train"])), batch_size=config["batch_size"], shuffle=True)
dl_test = DataLoader(Subset(ds, range(config["n_train"], len(X))), batch_size=128)


class MLP(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        sizes = (64, *hidden)
        self.body = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.last = nn.Linear(sizes[-1], 10)

    def forward(self, h):
        for layer in self.body:
            h = F.elu(layer(h))
        return self.last(h)


model = MLP(config["hidden"])
opt = torch.optim.Adam(model.parameters(), lr=config["lr"])
updates = 0
for epoch in range(config["epochs"]):
    model.train()
    for xb, yb in dl_train:
        opt.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        opt.step()
        updates += 1
print("updates made:", updates, "last loss:", loss.item())

model.eval()
tp = 0
with torch.no_grad():
    for xb, yb in dl_test:
        tp += int((model(xb).argmax(-1) == yb).sum())
accuracy = tp / len(dl_test.dataset)
print("test:", accuracy)
