import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Subset, TensorDataset

torch.manual_seed(18)
d = load_digits()
ds = TensorDataset(torch.tensor(d.images, dtype=torch.float32)[:, None] / 16, torch.tensor(d.target))
order = torch.randperm(len(ds)).tolist()
train_set, test_set = Subset(ds, order[:1350]), Subset(ds, order[1350:])


class BayesCNN(nn.Module):
    def __init__(self, p=0.3):
        super().__init__()
        self.c1 = nn.Conv2d(1, 16, 3)
        self.c2 = nn.Conv2d(16, 24, 3)
        self.fc = nn.Linear(24 * 4, 10)
        self.p = p

    def forward(self, x):
        x = F.relu(self.c1(x))
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        # dropout stays on at prediction time: samples of the posterior
        x = F.dropout(x.flatten(1), self.p, training=True)
        return self.fc(x)


net = BayesCNN()
opt = torch.optim.NAdam(net.parameters(), lr=5e-3)
for epoch in range(5):
    net.train()
    for x, y in DataLoader(train_set, batch_size=45, shuffle=True):
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        opt.zero_grad()
    print("epoch", epoch, "loss", loss.item())

net.eval()
hits = 0
with torch.no_grad():
    for x, y in DataLoader(test_set, batch_size=149):
        samples = torch.stack([F.softmax(net(x), dim=1) for _ in range(12)])
        mean = samples.mean(dim=0)
        hits += (mean.argmax(1) == y).sum().item()
        print("mean predictive std %.4f" % samples.std(dim=0).mean().item())
accuracy = hits / len(test_set)
print("accuracy", accuracy)
