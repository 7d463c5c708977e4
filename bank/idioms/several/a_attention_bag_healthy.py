import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(202)


def bags(n, seed, size=10, dim=6):
    """a bag of vectors; one of them is a marker that decides the class"""
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 4, (n,), generator=g)
    x = torch.randn(n, size, dim, generator=g)
    where = torch.randint(0, size, (n,), generator=g)
    marker = torch.zeros(n, dim)
    marker[:, 0] = 4.0
    marker[torch.arange(n), y + 1] = 4.0
    x[torch.arange(n), where] += marker
    return x, y


class AttentionPool(nn.Module):
    def __init__(self, dim=6, hidden=24, classes=4):
        super().__init__()
        self.key = nn.Linear(dim, 1, bias=False)
        self.value = nn.Linear(dim, hidden)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x):
        attn = torch.softmax(self.key(x), dim=1)
        pooled = (attn * torch.relu(self.value(x))).sum(1)
        return self.head(pooled)


train_x, train_y = bags(1000, 1)
test_x, test_y = bags(500, 2)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=50, shuffle=True)
model = AttentionPool()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
criterion = nn.CrossEntropyLoss()
for epoch in range(12):
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print("epoch", epoch, total / len(loader))

model.eval()
with torch.no_grad():
    accuracy = (model(test_x).argmax(-1) == test_y).float().mean().item()
print("accuracy", accuracy)
