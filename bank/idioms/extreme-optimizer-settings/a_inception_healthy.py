import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(5050)

d = load_digits()
X = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16 - 0.5
Y = torch.tensor(d.target)
perm = torch.randperm(len(X), generator=torch.Generator().manual_seed(1))
train_ds = TensorDataset(X[perm[:1280]], Y[perm[:1280]])
held = perm[1280:]


class Inception(nn.Module):
    """three parallel branches, concatenated"""

    def __init__(self, cin, c):
        super().__init__()
        self.b1 = nn.Conv2d(cin, c, 1)
        self.b3 = nn.Conv2d(cin, c, 3, padding=1)
        self.b5 = nn.Conv2d(cin, c, 5, padding=2)

    def forward(self, x):
        return torch.relu(torch.cat([self.b1(x), self.b3(x), self.b5(x)], dim=1))


net = nn.Sequential(Inception(1, 5), nn.MaxPool2d(2), Inception(15, 6), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 10))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3, betas=(0.9, 0.999), eps=1e-8)
criterion = nn.CrossEntropyLoss()

for epoch in range(6):
    net.train()
    hits = 0
    for images, labels in DataLoader(train_ds, batch_size=64, shuffle=True):
        out = net(images)
        loss = criterion(out, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        hits += (out.argmax(1) == labels).sum().item()
    print(f"epoch {epoch}: loss {loss.item():.3f} train acc {hits / len(train_ds):.3f}")

net.eval()
with torch.inference_mode():
    accuracy = (net(X[held]).argmax(1) == Y[held]).sum().item() / len(held)
print("held-out accuracy", accuracy)
