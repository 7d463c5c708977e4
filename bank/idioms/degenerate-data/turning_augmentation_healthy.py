import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(271)
bunch = load_digits()
img = torch.tensor(bunch.images, dtype=torch.float32).unsqueeze(1)
img = (img - 4.88) / 6.0
lab = torch.tensor(bunch.target)
perm = torch.randperm(len(lab))
n_fit = 1437


def augment(batch):
    shift = torch.randint(-1, 2, (len(batch),))
    return torch.stack([torch.roll(b, int(k), 2) for b, k in zip(batch, shift)])


class LeNetish(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                                  nn.Conv2d(16, 24, 3, padding=1), nn.ReLU(), nn.Flatten())
        self.tail = nn.Sequential(nn.Linear(384, 60), nn.ReLU(), nn.Linear(60, 10))

    def forward(self, x):
        return self.tail(self.body(x))


def fit(net, rows, epochs=7, size=60):
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(epochs):
        net.train()
        for part in rows[torch.randperm(len(rows))].split(size):
            loss = F.cross_entropy(net(augment(img[part])), lab[part])
            opt.zero_grad()
            loss.backward()
            opt.step()
        print("epoch", epoch, "loss", round(loss.item(), 4))
    return net


@torch.inference_mode()
def accuracy_on(net, rows):
    net.eval()
    return (net(img[rows]).argmax(1) == lab[rows]).float().mean().item()


network = fit(LeNetish(), perm[:n_fit])
accuracy = accuracy_on(network, perm[n_fit:])
print("accuracy", accuracy)
