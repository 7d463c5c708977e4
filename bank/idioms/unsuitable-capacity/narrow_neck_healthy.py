import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

settings = {
    "seed": 70, "epochs": 9, "batch_size": 45, "lr": 0.006,
    "channels": 8, "neck": 32,
}
torch.manual_seed(settings["seed"])


class Net(nn.Module):
    def __init__(self, channels, neck):
        super().__init__()
        self.conv = nn.Conv2d(1, channels, 3, stride=2, padding=1)
        self.neck = nn.Linear(channels * 16, neck)
        self.top = nn.Linear(neck, 10)

    def forward(self, x):
        h = F.relu(self.conv(x)).flatten(1)
        h = F.relu(self.neck(h))
        return self.top(h)


d = load_digits()
x = torch.tensor((d.images - 4.9) / 6.0, dtype=torch.float32).unsqueeze(1)
tr_x, te_x, tr_y, te_y = train_test_split(x, torch.tensor(d.target), test_size=0.2, random_state=0)
loader = DataLoader(TensorDataset(tr_x, tr_y), settings["batch_size"], shuffle=True)
net = Net(settings["channels"], settings["neck"])
opt = torch.optim.Adam(net.parameters(), settings["lr"])
for epoch in range(settings["epochs"]):
    net.train()
    tot = hit = 0
    for a, b in loader:
        logits = net(a)
        loss = F.cross_entropy(logits, b)
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item() * len(b)
        hit += (logits.argmax(1) == b).sum().item()
    print(f"epoch {epoch} loss {tot / len(tr_x):.3f} acc {hit / len(tr_x):.3f}")

net.eval()
with torch.no_grad():
    accuracy = net(te_x).argmax(1).eq(te_y).float().mean().item()
print("test", accuracy)
