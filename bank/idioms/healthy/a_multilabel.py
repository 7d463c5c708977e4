import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(95)


def scene(n, seed):
    """up to six objects on a 9x9 board, each kind has its own cell pattern"""
    g = torch.Generator().manual_seed(seed)
    patterns = torch.sign(torch.randn(6, 81, generator=torch.Generator().manual_seed(0)))
    y = (torch.rand(n, 6, generator=g) < 0.35).float()
    x = y @ patterns * 0.5 + 0.7 * torch.randn(n, 81, generator=g)
    return x, y


x_train, y_train = scene(1200, 1)
x_test, y_test = scene(400, 2)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=48, shuffle=True)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(81, 48, bias=False), nn.LayerNorm(48), nn.ReLU())
        self.tags = nn.Linear(48, 6)

    def forward(self, x):
        return torch.sigmoid(self.tags(self.body(x)))


model = Tagger()
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
for epoch in range(8):
    model.train()
    for x, t in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), t)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} bce {loss.item():.4f}")

model.eval()
with torch.no_grad():
    tags = model(x_test).round()
per_tag = (tags == y_test).float().mean(0)
print("per tag", per_tag.tolist())
# share of the boards with all six tags right
accuracy = (tags == y_test).all(dim=1).float().mean().item()
print("exact match", accuracy)
