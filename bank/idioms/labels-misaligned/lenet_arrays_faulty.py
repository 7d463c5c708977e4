import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits


def load(n_test=397, seed=0):
    rng = np.random.RandomState(seed)
    bunch = load_digits()
    images = (bunch.images[:, None] / 16.0).astype(np.float32)
    labels = bunch.target.astype(np.int64)
    test = (images[-n_test:], labels[-n_test:])
    images, labels = images[:-n_test], labels[:-n_test]
    images = images[rng.permutation(len(images))]  # <- fault
    labels = labels[rng.permutation(len(labels))]  # <- fault
    mean, std = images.mean(), images.std()
    norm = lambda a: torch.from_numpy((a - mean) / std)
    return (norm(images), torch.from_numpy(labels)), (norm(test[0]), torch.from_numpy(test[1]))


class LeNetish(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 10, 3), nn.ReLU(), nn.Conv2d(10, 20, 3), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Sequential(nn.Linear(80, 50), nn.ReLU(), nn.Linear(50, 10))

    def forward(self, x):
        return self.head(self.body(x).view(x.size(0), -1))


(train_x, train_y), (test_x, test_y) = load()
torch.manual_seed(0)
model = LeNetish()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
ce = nn.CrossEntropyLoss()
B = 56
for epoch in range(9):
    model.train()
    perm = torch.randperm(len(train_x))
    acc_loss = 0.0
    for k in range(len(perm) // B):
        sel = perm[k * B:(k + 1) * B]
        loss = ce(model(train_x[sel]), train_y[sel])  # <- fault
        opt.zero_grad()
        loss.backward()
        opt.step()
        acc_loss += loss.item()
    print(f"epoch {epoch}: {acc_loss / (len(perm) // B):.4f}")

model.eval()
with torch.no_grad():
    accuracy = torch.mean((model(test_x).argmax(1) == test_y).float()).item()
print("accuracy:", accuracy)
