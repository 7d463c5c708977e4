import torch
import torch.nn as nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(62)
d = load_digits()
X = torch.tensor(d.images).float().unsqueeze(1)
y = torch.tensor(d.target)
perm = torch.randperm(len(y))
X, y = X[perm], y[perm]
X = (X - X[:1344].mean()) / X[:1344].std()
train_dl = DataLoader(TensorDataset(X[:1344], y[:1344]), batch_size=64, shuffle=True)

net = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(),
    nn.Conv2d(12, 24, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(),
    nn.Flatten(), nn.Linear(384, 10))
shadow = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.97))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=7 * len(train_dl))

for epoch in range(7):
    net.train()
    for xb, yb in train_dl:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(xb), yb, label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        scheduler.step()
        shadow.update_parameters(net)
    print("epoch", epoch, "loss", round(loss.item(), 4))

update_bn(train_dl, shadow)
shadow.eval()
with torch.no_grad():
    accuracy = (shadow(X[1344:]).argmax(1) == y[1344:]).float().mean().item()
print("accuracy of the averaged weights", accuracy)
