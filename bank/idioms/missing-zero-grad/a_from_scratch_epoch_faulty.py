import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


def load():
    d = load_digits()
    x = torch.tensor(d.images).float() / 16
    y = torch.tensor(d.target)
    g = torch.Generator().manual_seed(4)
    p = torch.randperm(len(y), generator=g)
    return x[p[:1300]], y[p[:1300]], x[p[1300:]], y[p[1300:]]


class RowRNN(nn.Module):
    """reads the image row by row"""

    def __init__(self, hidden=48):
        super().__init__()
        self.rnn = nn.GRU(input_size=8, hidden_size=hidden, batch_first=True)
        self.out = nn.Linear(hidden, 10)

    def forward(self, x):
        states, _ = self.rnn(x)
        return self.out(states[:, -1])


def train_epoch(net, opt, x, y, bs=50):
    net.train()
    meter = 0.0
    for idx in torch.randperm(len(x)).split(bs):
        loss = F.cross_entropy(net(x[idx]), y[idx])
        loss.backward()  # <- fault
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()  # <- fault
        meter += loss.item() * len(idx)
    return meter / len(x)


@torch.no_grad()
def accuracy_of(net, x, y):
    net.eval()
    return (net(x).argmax(-1) == y).float().mean().item()


torch.manual_seed(4)
x_train, y_train, x_test, y_test = load()
net = RowRNN()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for ep in range(9):
    print(f"epoch {ep} loss {train_epoch(net, opt, x_train, y_train):.4f}")
accuracy = accuracy_of(net, x_test, y_test)
print("test", accuracy)
