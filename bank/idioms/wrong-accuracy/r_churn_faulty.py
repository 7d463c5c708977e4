# Telecom churn, one-logit network. The monthly report prints the numbers at the bottom.
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_hastie_10_2
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(404)
X, churn = make_hastie_10_2(n_samples=2600, random_state=404)
X = X.astype(np.float32)
churn = (churn > 0).astype(np.float32).reshape(-1, 1)
cut = 2000
mean, std = X[:cut].mean(0), X[:cut].std(0)
X = (X - mean) / std


class ChurnNet(nn.Module):
    def __init__(self, d, h=64):
        super().__init__()
        self.inp = nn.Linear(d, h)
        self.mid = nn.Linear(h, h)
        self.out = nn.Linear(h, 1)

    def forward(self, x):
        x = torch.relu(self.inp(x))
        x = torch.relu(self.mid(x))
        return self.out(x)

    @torch.no_grad()
    def will_churn(self, customers):
        self.eval()
        flags = [self(torch.from_numpy(part)).flatten() > 0 for part in np.array_split(customers, 3)]
        return torch.cat(flags).numpy()


def fit(net, loader, epochs=7):
    opt = torch.optim.Adam(net.parameters(), lr=4e-3)
    bce = nn.BCEWithLogitsLoss()
    for e in range(epochs):
        net.train()
        seen, acc_loss = 0, 0.0
        for x, t in loader:
            opt.zero_grad()
            loss = bce(net(x), t)
            loss.backward()
            opt.step()
            seen += len(x)
            acc_loss += loss.item() * len(x)
        print(f"  epoch {e}: bce {acc_loss / seen:.4f}")
    return net


loader = DataLoader(TensorDataset(torch.from_numpy(X[:cut]), torch.from_numpy(churn[:cut])), batch_size=64, shuffle=True)
net = fit(ChurnNet(X.shape[1]), loader)

predicted = net.will_churn(X[cut:])
actual = churn[cut:] > 0.5  # <- fault
accuracy = float(np.mean(predicted == actual))  # <- fault
print(f"churn rate {actual.mean():.3f}  predicted rate {predicted.mean():.3f}  accuracy {accuracy:.4f}")
