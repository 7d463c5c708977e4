"""Several tags per item: one sigmoid and one yes/no decision per tag; rare tags; a small validation part."""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(67)
N, D, TAGS = 1600, 16, 6
mixing = torch.randn(D, TAGS)
x = torch.randn(N, D)
threshold = torch.tensor([0.0, 0.5, 1.0, 1.5, 0.2, 2.5]) * 3
y = ((x @ mixing + 1.2 * (x[:, :1] * x[:, 1:2])) > threshold).float()
print("share of each tag", y.mean(0).tolist())
train, val, test = random_split(TensorDataset(x, y), [1260, 40, 300])

net = nn.Sequential(nn.Linear(D, 64), nn.SELU(), nn.AlphaDropout(0.05), nn.Linear(64, 64), nn.SELU(), nn.Linear(64, TAGS))
crit = nn.BCEWithLogitsLoss()
opt = torch.optim.RMSprop(net.parameters(), lr=2e-3)


def tag_accuracy(part):
    net.eval()
    right = total = 0
    with torch.no_grad():
        for xb, yb in DataLoader(part, batch_size=64):
            decision = torch.sigmoid(net(xb)) > 0.5
            right += (decision == yb.bool()).sum().item()
            total += yb.numel()
    return right / total


for epoch in range(8):
    net.train()
    for step, (xb, yb) in enumerate(DataLoader(train, batch_size=21, shuffle=True)):
        (crit(net(xb), yb) / 2).backward()
        if step % 2 == 1:
            opt.step()
            opt.zero_grad()
    print(epoch, tag_accuracy(val))
accuracy = tag_accuracy(test)
print("tags right:", accuracy)
