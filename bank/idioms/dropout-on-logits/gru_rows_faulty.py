"""GRU that reads digit images row by row."""
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(7)
src = load_digits()
rows = torch.tensor(src.images, dtype=torch.float32)
rows = (rows - 4.88) / 6.02
labels = torch.tensor(src.target)
whole = TensorDataset(rows, labels)
shuf = torch.randperm(len(whole), generator=torch.Generator().manual_seed(1)).tolist()
train_dl = DataLoader(Subset(whole, shuf[:1400]), batch_size=40, shuffle=True)
test_dl = DataLoader(Subset(whole, shuf[1400:]), batch_size=100)


class RowReader(nn.Module):
    def __init__(self, hidden=36, p=0.4):
        super().__init__()
        self.rnn = nn.GRU(8, hidden, batch_first=True)
        self.drop = nn.Dropout(p)
        self.head = nn.Linear(hidden, 10)

    def forward(self, seq):
        _, h = self.rnn(seq)
        h = h.squeeze(0)
        return self.drop(self.head(h))  # <- fault


def run_epoch(model, loader, optimizer=None):
    training = optimizer is not None
    model.train(training)
    loss_sum = n = correct = 0
    with torch.set_grad_enabled(training):
        for xb, yb in loader:
            out = model(xb)
            loss = nn.functional.cross_entropy(out, yb)
            if training:
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 4.0)
                optimizer.step()
            loss_sum += loss.item() * len(yb)
            correct += (out.argmax(1) == yb).sum().item()
            n += len(yb)
    return loss_sum / n, correct / n


reader = RowReader()
adam = torch.optim.Adam(reader.parameters(), lr=6e-3)
for epoch in range(6):
    print(epoch, *run_epoch(reader, train_dl, adam))
_, accuracy = run_epoch(reader, test_dl)
print("test accuracy", accuracy)
