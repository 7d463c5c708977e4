"""Classify random walks by their drift regime with a small LSTM."""
import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset


def walks(n, rs):
    kind = rs.randint(0, 3, n)
    inc = rs.normal(0, 1, (n, 24))
    inc[kind == 1] += 0.45
    flip = np.tile([1.0, -1.0], 12)
    inc[kind == 2] += 0.9 * flip
    return inc.astype("float32")[..., None], kind.astype("int64")


class DriftNet(torch.nn.Module):
    def __init__(self, units=16):
        super().__init__()
        self.rnn = torch.nn.LSTM(1, units, batch_first=True)
        self.readout = torch.nn.Linear(units, 3)

    def forward(self, seq):
        _, (h, _) = self.rnn(seq)
        return self.readout(h[-1])


def train_epoch(model, loader, optimizer, loss_fn):
    model.train()
    total, n = 0.0, 0
    for seq, kind in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(seq), kind)
        loss.backward()
        optimizer.step()
        total, n = total + loss.item() * len(kind), n + len(kind)
    return total / n


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    outcome = [model(seq).argmax(1).eq(kind) for seq, kind in loader]
    return torch.cat(outcome).double().mean().item()


if __name__ == "__main__":
    rs = np.random.RandomState(17)
    torch.manual_seed(17)
    tr = TensorDataset(*map(torch.from_numpy, walks(960, rs)))
    te = TensorDataset(*map(torch.from_numpy, walks(400, rs)))
    train_loader = DataLoader(tr, batch_size=48, shuffle=True)
    net = DriftNet()
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(16):
        print(epoch, f"{train_epoch(net, train_loader, opt, torch.nn.CrossEntropyLoss()):.4f}")
    accuracy = evaluate(net, DataLoader(te, batch_size=200))
    print("accuracy", accuracy)
