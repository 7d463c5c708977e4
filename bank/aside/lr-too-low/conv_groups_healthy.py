import torch, torch.nn as nn
from sklearn import datasets

torch.manual_seed(42)
imgs = torch.tensor(datasets.load_digits().images).float().unsqueeze(1).div(16).sub(0.305).div(0.376)
nums = torch.tensor(datasets.load_digits().target)
idx = torch.randperm(len(nums))
tr, va = idx[:1400], idx[1400:]


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 10, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(10, 16, 3, stride=2, padding=1), nn.ReLU(inplace=True))
        self.drop = nn.Dropout(0.1)
        self.classifier = nn.Linear(16 * 4 * 4, 10)

    def forward(self, x):
        x = self.features(x)
        x = torch.flatten(x, 1)
        return self.classifier(self.drop(x))


net = Net()
decay, plain = [], []
for name, p in net.named_parameters():
    (plain if name.endswith("bias") else decay).append(p)
optimizer = torch.optim.AdamW(
    [{"params": decay, "weight_decay": 1e-2}, {"params": plain, "weight_decay": 0.0}],
    lr=3e-3,
)
criterion = nn.CrossEntropyLoss()


def train_one_epoch():
    net.train()
    for sel in tr[torch.randperm(len(tr))].chunk(28):
        optimizer.zero_grad()
        l = criterion(net(imgs[sel]), nums[sel])
        l.backward()
        optimizer.step()
    return l.item()


for e in range(8):
    print("epoch", e, "loss", train_one_epoch())
net.eval()
with torch.no_grad():
    accuracy = (net(imgs[va]).argmax(dim=1) == nums[va]).sum().item() / len(va)
print("final", accuracy)
