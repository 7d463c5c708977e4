"""A GRU that reads the digits row by row."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(8, 96, num_layers=2, batch_first=True)
        self.head = nn.Linear(96, 10)

    def forward(self, rows):
        return self.head(self.gru(rows)[0][:, -1])


torch.manual_seed(2)
digits = load_digits()
rows = torch.tensor((digits.images - 4.88) / 6.02, dtype=torch.float32)
train, test = random_split(TensorDataset(rows, torch.tensor(digits.target)), [1397, 400])
model, loss_of = Reader(), nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
for epoch in range(20):
    model.train()
    for x, y in DataLoader(train, batch_size=64, shuffle=True):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in DataLoader(test, batch_size=200))
    print(epoch, f"{loss.item():.4f}", right / len(test))
