import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import TensorDataset, DataLoader

torch.manual_seed(1789)
x, y = (torch.tensor(a) for a in load_digits(return_X_y=True))
x = x.float()
mask = torch.rand(len(x)) < 0.75
m, s = x[mask].mean(), x[mask].std()
x = (x - m) / s


class Classifier(nn.Module):
    def __init__(self, width=128, p=0.5):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(64, width), nn.ReLU())
        self.classifier = nn.Sequential(
            nn.Dropout(p),
            nn.Linear(width, 10),
        )

    def forward(self, inputs):
        return self.classifier(self.features(inputs))


def fit(model, loader, epochs):
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    ce = nn.CrossEntropyLoss()
    for e in range(epochs):
        model.train()
        tot = 0.
        for bx, by in loader:
            opt.zero_grad()
            l = ce(model(bx), by)
            l.backward()
            opt.step()
            tot += l.item()
        print(f"epoch {e}: train loss {tot / len(loader):.4f}")


net = Classifier()
fit(net, DataLoader(TensorDataset(x[mask], y[mask]), batch_size=64, shuffle=True), epochs=12)
net.eval()
with torch.no_grad():
    accuracy = (net(x[~mask]).argmax(1) == y[~mask]).float().mean().item()
print("accuracy", accuracy)
