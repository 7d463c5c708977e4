import torch
from torch import nn
from sklearn.datasets import load_digits

SPEC = "lr=0.05,momentum=1.0,weight_decay=0.0001"  # <- fault


def parse(spec):
    return {k: float(v) for k, v in (item.split("=") for item in spec.split(","))}


class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(64, 150, bias=False)
        self.norm = nn.LayerNorm(150)
        self.down = nn.Linear(150, 10)

    def forward(self, x):
        return self.down(nn.functional.gelu(self.norm(self.up(x))))


torch.manual_seed(18)
bunch = load_digits()
order = torch.randperm(1797)
images, labels = torch.tensor(bunch.data)[order].float(), torch.tensor(bunch.target)[order]
images = (images - images[:1400].mean()) / images[:1400].std()
model = Wide()
optimizer = torch.optim.SGD(model.parameters(), **parse(SPEC))  # <- fault
meter = []
for step in range(210):
    if step % 35 == 0:
        deck = torch.randperm(1400).view(35, 40)
    rows = deck[step % 35]
    loss = nn.functional.cross_entropy(model(images[rows]), labels[rows])
    model.zero_grad()
    loss.backward()
    optimizer.step()
    meter.append(loss.item())
    if step % 35 == 34:
        print(step + 1, sum(meter[-35:]) / 35)

with torch.no_grad():
    accuracy = (model.eval()(images[1400:]).argmax(1) == labels[1400:]).float().mean().item()
print("accuracy", accuracy)
