import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(35)
np.random.seed(35)

digits = load_digits()
images = (digits.images / 16.0 - 0.3)[:, None].astype(np.float32)
labels = digits.target
order = np.random.permutation(len(images))
n_train = 1201
train_idx, test_idx = order[:n_train], order[n_train:]


def batches(index, size, training):
    if training:
        index = np.random.permutation(index)
    stops = range(0, len(index), size)  # <- fault
    for start in stops:
        chosen = index[start:start + size]
        yield torch.from_numpy(images[chosen]), torch.from_numpy(labels[chosen])


def conv_bn(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(conv_bn(1, 8), nn.MaxPool2d(2), conv_bn(8, 16), nn.MaxPool2d(2))
        self.embed = nn.Conv2d(16, 32, 2)
        self.linear = nn.Linear(32, 10)

    def forward(self, x):
        x = torch.relu(self.embed(self.trunk(x))).flatten(1)
        return self.linear(x)


network = Network()
opt = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
ce = nn.CrossEntropyLoss()
for epoch in range(5):
    network.train()
    epoch_loss = []
    for xb, yb in batches(train_idx, 30, True):  # <- fault
        opt.zero_grad()
        loss = ce(network(xb), yb)  # <- fault
        loss.backward()
        opt.step()
        epoch_loss.append(loss.item())
    print("epoch {} mean loss {:.4f}".format(epoch, np.mean(epoch_loss)))

network.eval()
good = 0
with torch.no_grad():
    for xb, yb in batches(test_idx, 200, False):
        good += int((network(xb).argmax(1) == yb).sum())
accuracy = good / len(test_idx)
print("accuracy", accuracy)
