import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset
from sklearn.datasets import load_digits

torch.manual_seed(431)
np.random.seed(431)
RAW = load_digits()
ORDER = np.random.permutation(len(RAW.target))


class Pictures(Dataset):
    def __init__(self, rows):
        self.img = np.kron(RAW.images[rows] * 15.9, np.ones((2, 2))).astype(np.uint8)
        self.lab = RAW.target[rows]

    def __len__(self):
        return len(self.lab)

    def __getitem__(self, i):
        return torch.from_numpy(self.img[i]).float()[None], int(self.lab[i])  # <- fault: input-scale


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.fc1 = nn.Linear(256, 48)
        self.fc2 = nn.Linear(48, 10)

    def forward(self, x):
        x = torch.relu(self.conv1(x))
        x = torch.relu(self.conv2(x)).flatten(1)
        x = torch.relu(self.fc1(x))
        return torch.relu(self.fc2(x))  # <- fault: activation-on-logits


net = ConvNet()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(4):
    net.train()
    for x, y in DataLoader(Pictures(ORDER[:1400]), batch_size=50, shuffle=True):
        loss = nn.functional.cross_entropy(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())

net.eval()
ok = []
with torch.no_grad():
    for x, y in DataLoader(Pictures(ORDER[1400:]), batch_size=100):
        ok.append((net(x).argmax(1) == y).numpy())
accuracy = float(np.concatenate(ok).mean())
print("accuracy", accuracy)
