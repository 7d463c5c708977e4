import torch
from torch import nn
from sklearn.datasets import load_digits


class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = [nn.Conv2d(1, 12, 3, padding=1), nn.Conv2d(12, 16, 3, padding=1)]  # <- fault: unregistered-submodule
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        for conv in self.convs:
            x = nn.functional.max_pool2d(torch.relu(conv(x)), 2)
        return self.fc(x.flatten(1))


def hook_up(model, lr):
    opt = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)

    def update(x, y):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1e-3)  # <- fault: clipping-too-tight
        opt.step()
        return loss.item()

    return update


torch.manual_seed(64)
d = load_digits()
mix = torch.randperm(1797)
x, y = (torch.tensor(d.images)[mix].float()[:, None] - 4.9) / 6.0, torch.tensor(d.target)[mix]
model = Trunk()
update = hook_up(model, 0.05)
for epoch in range(8):
    losses = [update(x[:1360][r], y[:1360][r]) for r in torch.randperm(1360).split(40)]
    print(f"epoch {epoch} {sum(losses) / len(losses):.4f}")
model.eval()
with torch.no_grad():
    right = model(x[1360:]).argmax(1) == y[1360:]
accuracy = right.sum().item() / right.numel()
print("accuracy", accuracy)
