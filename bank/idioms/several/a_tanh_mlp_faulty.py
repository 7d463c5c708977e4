import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(303)
B = 64
data = load_digits()
ds = TensorDataset(torch.tensor(data.data / 16.0 - 0.3, dtype=torch.float32), torch.tensor(data.target))
train_ds, test_ds = random_split(ds, [1380, 417])
train_dl = DataLoader(train_ds, B, shuffle=True)
test_dl = DataLoader(test_ds, B)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(64, 64)
        self.l2 = nn.Linear(64, 10)

    def forward(self, x):
        return self.l2(torch.tanh(self.l1(x)))


net = MLP()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)


def train():
    net.train()
    total = 0.0
    for x, y in train_dl:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y, reduction="sum")  # <- fault: sum-reduction
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total


def test():
    net.eval()
    correct = 0
    with torch.no_grad():
        for x, y in test_dl:
            correct += (net(x).argmax(1) == y).sum().item()
    return correct / (len(test_dl) * B)  # <- fault: wrong-accuracy


for epoch in range(1, 11):
    print("epoch {:2d} | loss {:10.3f}".format(epoch, train()))
accuracy = test()
print("test accuracy {:.4f}".format(accuracy))
