"""Pretraining on the even digits, then all ten digits with a new head."""
import io
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(451)
pix, lab = (torch.as_tensor(a) for a in load_digits(return_X_y=True))
pix = (pix.float() - 4.88) / 6.0
p = torch.randperm(len(lab))
fit_ids, held_ids = p[:1300], p[1300:]


class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(64, 64)
        self.l2 = nn.Linear(64, 32)
        for lin in (self.l1, self.l2):
            nn.init.normal_(lin.weight, std=0.15)

    def forward(self, v):
        return torch.relu(self.l2(torch.relu(self.l1(v))))


class Model(nn.Module):
    def __init__(self, n_out):
        super().__init__()
        self.trunk, self.head = Trunk(), nn.Linear(32, n_out)

    def forward(self, v):
        return self.head(self.trunk(v))


def fit(model, ids, target, opt, epochs):
    for _ in range(epochs):
        model.train()
        for r in ids[torch.randperm(len(ids))].split(50):
            loss = nn.functional.cross_entropy(model(pix[r]), target[r])
            opt.zero_grad()
            loss.backward()
            opt.step()
    print("last loss", loss.item())


evens = fit_ids[lab[fit_ids] % 2 == 0]
first = Model(5)
fit(first, evens, lab // 2, torch.optim.Adam(first.parameters(), lr=2e-3), 5)
buf = io.BytesIO()
torch.save(first.state_dict(), buf)
buf.seek(0)

second = Model(10)
weights = torch.load(buf, weights_only=True)
second.trunk.load_state_dict({k[6:]: v for k, v in weights.items() if k.startswith("trunk.")})
opt = torch.optim.Adam(second.parameters(), lr=2e-3)
fit(second, fit_ids, lab, opt, 6)
second.eval()
with torch.no_grad():
    accuracy = (second(pix[held_ids]).argmax(1) == lab[held_ids]).float().mean().item()
print("accuracy", accuracy)
