"""Prototype classifier: logits are minus the distances to one learned prototype per class."""
import torch
from sklearn.datasets import make_blobs
from torch.utils.data import DataLoader, TensorDataset, random_split


class Prototypes(torch.nn.Module):
    def __init__(self, first_members):
        super().__init__()
        self.points = torch.nn.Parameter(first_members.clone())
        self.log_scale = torch.nn.Parameter(torch.zeros(first_members.shape[1]))

    def forward(self, x):
        gap = (x[:, None, :] - self.points[None]) * self.log_scale.exp()
        return -torch.sqrt(gap.pow(2).sum(-1) + 1e-6)


def pick_first_members(x, y, classes):
    return torch.stack([x[y == c][0] for c in range(classes)])


def main():
    g = torch.Generator().manual_seed(3)
    xs, ys = make_blobs(1100, n_features=6, centers=5, cluster_std=3.0, random_state=6)
    xs = torch.tensor(xs, dtype=torch.float32)
    data = TensorDataset(xs, torch.tensor(ys))
    fit, held = random_split(data, [800, 300], generator=g)
    xf, yf = xs[fit.indices], data.tensors[1][fit.indices]
    xh, yh = xs[held.indices], data.tensors[1][held.indices]
    mean, std = xf.mean(0), xf.std(0)
    xf, xh = (xf - mean) / std, (xh - mean) / std

    model = Prototypes(pick_first_members(xf, yf, 5))
    opt = torch.optim.Adam(model.parameters(), lr=0.02)
    for epoch in range(10):
        acc_loss = 0.0
        for xb, yb in DataLoader(TensorDataset(xf, yf), batch_size=64, shuffle=True, generator=g):
            loss = torch.nn.functional.cross_entropy(model(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            acc_loss += loss.item()
        print("epoch", epoch, "loss", acc_loss / 13)
    with torch.no_grad():
        return (model(xh).argmax(1) == yh).float().mean().item()


accuracy = main()
print("held-out accuracy", accuracy)
