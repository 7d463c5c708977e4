"""Predictions averaged over dropout masks, with an uncertainty for every sample."""
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(30)
X, y = load_digits(return_X_y=True)
Xa, Xb, ya, yb = train_test_split(X, y, test_size=0.25, random_state=30)
m, s = Xa.mean(), Xa.std()
Xa, Xb = (torch.tensor((v - m) / s, dtype=torch.float32) for v in (Xa, Xb))
ya, yb = torch.tensor(ya), torch.tensor(yb)


class BayesianNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 160), nn.ReLU(), nn.Dropout(0.5),
                                    nn.Linear(160, 80), nn.ReLU(), nn.Dropout(0.5), nn.Linear(80, 10))

    def forward(self, x):
        return self.layers(x)

    def enable_dropout(self):
        for m in self.modules():
            if isinstance(m, nn.Dropout):
                m.train()


net = BayesianNet()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(14):
    net.train()
    for ix in torch.randperm(len(Xa)).split(64):
        loss = nn.functional.cross_entropy(net(Xa[ix]), ya[ix])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, round(loss.item(), 4))

net.eval()
net.enable_dropout()
with torch.no_grad():
    draws = torch.stack([net(Xb).softmax(1) for _ in range(30)])
mean_p = draws.mean(0)
entropy = -(mean_p * mean_p.clamp_min(1e-9).log()).sum(1)
accuracy = (mean_p.argmax(1) == yb).float().mean().item()
print("accuracy", accuracy, "mean entropy", entropy.mean().item())
