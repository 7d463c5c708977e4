import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(202)


def make_set(n, steps=10, dim=6):
    """Five classes, each a direction that shows up at one random step of the sequence."""
    dirs = torch.linalg.qr(torch.randn(dim, dim, generator=torch.Generator().manual_seed(1)))[0][:5]
    y = torch.randint(0, 5, (n,))
    x = 0.35 * torch.randn(n, steps, dim)
    x[torch.arange(n), torch.randint(0, steps, (n,))] += 2.0 * dirs[y]
    return TensorDataset(x, y)


class AttnClassifier(nn.Module):
    def __init__(self, dim=6, width=32):
        super().__init__()
        self.lift = nn.Linear(dim, width)
        self.attn = nn.MultiheadAttention(width, 2)  # <- fault: cross-sample-mixing
        self.norm = nn.LayerNorm(width)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(width, 5)

    def forward(self, x):
        h = self.lift(x)
        mixed, _ = self.attn(h, h, h, need_weights=False)  # <- fault: cross-sample-mixing
        h = torch.relu(self.norm(h + mixed)).amax(dim=1)
        return self.drop(self.out(h))  # <- fault: dropout-on-logits


train_set, test_set = make_set(1000), make_set(400)
model = AttnClassifier()
loader = DataLoader(train_set, batch_size=50, shuffle=True)
for epoch in range(6):
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)  # <- fault: optimizer-recreated
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    print("epoch", epoch, float(loss.detach()))

model.eval()
with torch.no_grad():
    good = sum((model(xb).argmax(1) == yb).sum().item() for xb, yb in DataLoader(test_set, batch_size=80))
accuracy = good / len(test_set)
print(accuracy)
