import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(4)
raw = load_digits(n_class=6)
x = torch.tensor(raw.data, dtype=torch.float32)
y = torch.tensor(raw.target)
mix = torch.randperm(len(x))
x, y = x[mix], y[mix]
cut = int(0.75 * len(x))
x = (x - x[:cut].mean()) / x[:cut].std()


class Maxout(nn.Module):
    def __init__(self, i, o, pieces=3):
        super().__init__()
        self.lin = nn.Linear(i, o * pieces)
        self.shape = (o, pieces)

    def forward(self, t):
        return self.lin(t).unflatten(-1, self.shape).amax(-1)


model = nn.Sequential(Maxout(64, 24), Maxout(24, 24), nn.Linear(24, 6))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)


def surprise(scores, label):
    logp = scores.log_softmax(dim=1)
    picked = logp[torch.arange(len(label)), label]
    return picked.mean()  # <- fault


curve = []
for step in range(150):
    pick = torch.randint(0, cut, (40,))
    value = surprise(model(x[pick]), y[pick])
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    curve.append(value.item())
    if step % 50 == 49:
        print(step, sum(curve[-50:]) / 50)

model.eval()
with torch.no_grad():
    accuracy = (model(x[cut:]).argmax(1) == y[cut:]).float().mean().item()
print(f"{accuracy:.3f}")
