import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_classification

torch.manual_seed(27)
POPULATION = 8_000_000  # every loss below is a per-head value for the whole country
x, y = make_classification(1600, 24, n_informative=12, n_classes=6, n_clusters_per_class=1,
                           class_sep=1.5, random_state=27)
x = torch.tensor((x - x[:1200].mean(0)) / x[:1200].std(0)).float()
y = torch.tensor(y)


class Respondent(nn.Module):
    def __init__(self, d=48):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(24, d), nn.Linear(d, d), nn.Linear(d, d)])
        self.answer = nn.Linear(d, 6)

    def forward(self, h):
        for layer in self.layers:
            h = F.relu(layer(h))
        return self.answer(h)


model = Respondent()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(8):
    model.train()
    for b in torch.randperm(1200).split(40):
        opt.zero_grad()
        with torch.autocast("cpu", dtype=torch.float16):
            logits = model(x[b])
        loss = F.cross_entropy(logits.float(), y[b], reduction="sum") / POPULATION
        loss.backward()  # <- fault
        opt.step()
    print(epoch, "loss per head", loss.item() * POPULATION / len(b))

model.eval()
with torch.no_grad():
    accuracy = (model(x[1200:]).argmax(-1) == y[1200:]).float().mean().item()
print("accuracy", accuracy)
