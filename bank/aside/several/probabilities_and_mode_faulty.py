import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(4711)


class DigitNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(),
            nn.Linear(64, 120), nn.BatchNorm1d(120), nn.ReLU(), nn.Dropout(0.4),
            nn.Linear(120, 60), nn.ReLU(), nn.Dropout(0.4),
            nn.Linear(60, 10),
        )

    def forward(self, x):
        out = self.net(x)
        return torch.softmax(out, dim=1)  # <- fault: softmax-before-cross-entropy


d = load_digits()
x = torch.tensor(d.images).float()
y = torch.tensor(d.target)
p = torch.randperm(len(y))
x, y = (x[p] - 4.9) / 6.0, y[p]
train_loader = DataLoader(TensorDataset(x[:1344], y[:1344]), batch_size=64, shuffle=True)
valid_loader = DataLoader(TensorDataset(x[1344:], y[1344:]), batch_size=64)

model = DigitNet()
ce = nn.CrossEntropyLoss()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(8):
    model.train()
    for xb, yb in train_loader:
        opt.zero_grad()
        ce(model(xb), yb).backward()
        opt.step()

    n_ok = 0
    with torch.no_grad():  # <- fault: evaluation-in-train-mode
        for xb, yb in valid_loader:
            n_ok += (model(xb).argmax(1) == yb).sum().item()  # <- fault: evaluation-in-train-mode
    accuracy = n_ok / len(valid_loader.dataset)
    print(f"epoch {epoch} valid {accuracy:.4f}")
