import argparse
import torch
from torch import nn
from torch.utils.data import TensorDataset, DataLoader, random_split


def make_series(n, length, classes, gen):
    k = torch.randint(classes, (n,), generator=gen)
    t = torch.linspace(0, 1, length)
    freq = 1.0 + k.float()[:, None]
    phase = torch.rand(n, 1, generator=gen) * 6.28
    x = torch.sin(6.28 * freq * t + phase) + 0.3 * torch.randn(n, length, generator=gen)
    return x.unsqueeze(-1), k


class Listener(nn.Module):
    def __init__(self, hidden, classes):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, classes)

    def forward(self, x):
        out, _ = self.gru(x)
        return self.fc(out.mean(dim=1))


def run(args):
    gen = torch.Generator().manual_seed(args.seed)
    torch.manual_seed(args.seed)
    data = TensorDataset(*make_series(900, 20, 4, gen))
    train, test = random_split(data, [700, 200], generator=gen)
    model = Listener(args.hidden, 4)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    for _ in range(args.epochs):
        model.train()
        for x, k in DataLoader(train, batch_size=args.batch, shuffle=True, generator=gen):
            optimizer.zero_grad()
            loss = criterion(model(x), k)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
    model.eval()
    good = 0
    with torch.no_grad():
        for x, k in DataLoader(test, batch_size=100):
            good += int((model(x).argmax(-1) == k).sum())
    return good / len(test)


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--hidden", type=int, default=24)
    ap.add_argument("--lr", type=float, default=0.01)
    ap.add_argument("--epochs", type=int, default=10)
    ap.add_argument("--batch", type=int, default=50)
    ap.add_argument("--seed", type=int, default=4)
    accuracy = run(ap.parse_args([]))
    print("accuracy", accuracy)
