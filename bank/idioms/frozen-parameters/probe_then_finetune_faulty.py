import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(7)
pix, num = load_digits(return_X_y=True)
a, b, c, d = train_test_split(pix, num, test_size=420, random_state=7)
mean, std = a.mean(), a.std()
Xa, Xb = (torch.tensor((v - mean) / std, dtype=torch.float32) for v in (a, b))
ya, yb = torch.tensor(c), torch.tensor(d)


class Autoencoder(nn.Module):
    def __init__(self, code=12):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 40), nn.Tanh(), nn.Linear(40, code), nn.Tanh())
        self.dec = nn.Linear(code, 64)

    def forward(self, x):
        return self.dec(self.enc(x))


def rows(n, size=50):
    return torch.randperm(n).split(size)


auto = Autoencoder()
opt = torch.optim.Adam(auto.parameters(), lr=2e-3)
for sweep in range(2):
    for r in rows(len(Xa)):
        opt.zero_grad()
        nn.functional.mse_loss(auto(Xa[r]), Xa[r]).backward()
        opt.step()

model = nn.Sequential(auto.enc, nn.Linear(12, 10))
backbone = model[0]


def stage(name, epochs, lr):
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(epochs):
        for r in rows(len(Xa)):
            opt.zero_grad()
            loss = nn.functional.cross_entropy(model(Xa[r]), ya[r])
            loss.backward()
            opt.step()
    print(name, "loss", round(loss.item(), 4))


backbone.requires_grad_(False)
stage("probe", 2, 1e-2)
backbone.requires_grad = True  # <- fault
stage("fine-tune", 8, 3e-3)

model.eval()
with torch.no_grad():
    accuracy = (model(Xb).argmax(1) == yb).float().mean().item()
print("accuracy", accuracy)
