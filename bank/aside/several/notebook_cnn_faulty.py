# %% [1] imports and data
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images).float().unsqueeze(1)
labels = torch.tensor(digits.target)
print(images.shape, labels.bincount())

# %% [2] split + normalise
p = torch.randperm(len(labels))
train_p, test_p = p[:1350], p[1350:]
mu, std = images[train_p].mean(), images[train_p].std()
images = (images - mu) / std


# %% [3] network
class LeNetish(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 16, 3)
        self.drop = nn.Dropout(0.4)
        self.fc1 = nn.Linear(16 * 9, 40)
        self.fc2 = nn.Linear(40, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.drop(F.relu(self.fc1(x.flatten(1))))
        x = F.softmax(self.fc2(x), dim=1)  # <- fault: softmax-before-cross-entropy
        return x


net = LeNetish()
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)

# %% [4] training
loss_log = []
for epoch in range(9):
    net.train()
    for rows in train_p[torch.randperm(len(train_p))].split(54):
        optimizer.zero_grad()
        loss = loss_function(net(images[rows]), labels[rows])
        loss.backward()
        optimizer.step()
        loss_log.append(loss.item())
    print(epoch + 1, sum(loss_log[-25:]) / 25)

# %% [5] result
correct = 0
with torch.no_grad():
    for rows in test_p.split(50):
        correct += (net(images[rows]).argmax(1) == labels[rows]).sum().item()  # <- fault: evaluation-in-train-mode
accuracy = correct / len(test_p)
print("accuracy:", accuracy)
