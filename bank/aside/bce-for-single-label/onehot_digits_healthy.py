import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import Dataset, DataLoader
from sklearn.datasets import load_digits

torch.manual_seed(10)
np.random.seed(10)


class DigitsDataset(Dataset):
    def __init__(self, images, targets):
        self.images = (images - 4.88) / 6.02
        self.targets = np.eye(10)[targets]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image = torch.from_numpy(self.images[i]).float().flatten()
        target = torch.from_numpy(self.targets[i]).float()
        return image, target


data = load_digits()
shuffle = np.random.permutation(len(data.images))
images, targets = data.images[shuffle], data.target[shuffle]
train_dl = DataLoader(DigitsDataset(images[:1300], targets[:1300]), batch_size=100, shuffle=True)
test_dl = DataLoader(DigitsDataset(images[1300:], targets[1300:]), batch_size=100)

net = nn.Sequential(nn.Linear(64, 50), nn.ReLU(), nn.Linear(50, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

for epoch in range(8):
    net.train()
    losses = []
    for image, target in train_dl:
        optimizer.zero_grad()
        loss = criterion(net(image), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print("epoch %d: %.4f" % (epoch, np.mean(losses)))

net.eval()
n_correct = 0
with torch.no_grad():
    for image, target in test_dl:
        n_correct += int((net(image).argmax(1) == target.argmax(1)).sum())
accuracy = n_correct / len(test_dl.dataset)
print("accuracy", accuracy)
