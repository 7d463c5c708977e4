import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

ACCUM = 2
MAX_NORM = 4.0


class Parity(Dataset):
    """Which of three channels holds the burst; the burst sits anywhere in time."""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        self.y = torch.randint(0, 3, (n,), generator=g)
        self.x = torch.randn(n, 24, 3, generator=g)
        start = torch.randint(0, 18, (n,), generator=g)
        for i in range(n):
            self.x[i, start[i]:start[i] + 6, self.y[i]] += 1.6

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(3, 24, batch_first=True)
        self.fc = nn.Linear(24, 3)

    def forward(self, x):
        states, _ = self.rnn(x)
        return self.fc(states.amax(1))


torch.manual_seed(90)
reader = Reader()
opt = torch.optim.SGD(reader.parameters(), lr=0.04, momentum=0.9)
loader = DataLoader(Parity(1200, 1), batch_size=20, shuffle=True)
for epoch in range(6):
    total = 0.0
    for i, (x, y) in enumerate(loader, start=1):
        loss = nn.functional.cross_entropy(reader(x), y)
        (loss / ACCUM).backward()
        total += loss.item()
        if i % ACCUM == 0:
            nn.utils.clip_grad_norm_(reader.parameters(), MAX_NORM)
            opt.step()
            opt.zero_grad()
    print(f"epoch {epoch} loss {total / len(loader):.4f}")
reader.eval()
test = Parity(500, 2)
with torch.no_grad():
    accuracy = (reader(test.x).argmax(1) == test.y).float().mean().item()
print("accuracy", accuracy)
