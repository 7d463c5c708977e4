"""Gesture recognition on short accelerometer windows."""
import math
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader, random_split

torch.manual_seed(0)


class Gestures(Dataset):
    def __init__(self, n=900, length=20):
        g = torch.Generator().manual_seed(100)
        self.y = torch.randint(0, 5, (n,), generator=g)
        t = torch.linspace(0, 2 * math.pi, length)
        phase = torch.rand(n, 1, generator=g) * 0.8
        freq = 1.0 + self.y.float().unsqueeze(1) * 0.6
        sig = torch.stack([torch.sin(freq * t + phase), torch.cos(freq * t + phase)], dim=2)
        self.x = sig + 0.3 * torch.randn(sig.shape, generator=g)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class GestureGRU(nn.Module):
    def __init__(self, hidden=32, classes=5):
        super().__init__()
        self.rnn = nn.GRU(2, hidden, batch_first=True)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x):
        _, h = self.rnn(x)
        return torch.tanh(self.head(h[-1]))  # <- fault


dataset = Gestures()
train_set, test_set = random_split(dataset, [675, 225], generator=torch.Generator().manual_seed(1))
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
test_loader = DataLoader(test_set, batch_size=75)

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = GestureGRU().to(device)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(7):
    model.train()
    total_loss, n = 0.0, 0
    for xb, yb in train_loader:
        xb, yb = xb.to(device), yb.to(device)
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total_loss += loss.item() * len(yb)
        n += len(yb)
    print(f"Epoch {epoch}: train loss {total_loss / n:.3f}")

model.eval()
hits, seen = 0, 0
with torch.no_grad():
    for xb, yb in test_loader:
        out = model(xb.to(device))
        hits += (out.argmax(1).cpu() == yb).sum().item()
        seen += len(yb)
accuracy = hits / seen
print("Test accuracy: {:.1%}".format(accuracy))
