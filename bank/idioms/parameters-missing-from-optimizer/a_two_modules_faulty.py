import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(41)

# parity of the signs of two hidden directions, 4 classes
N, DIM = 1600, 16
proj = torch.linalg.qr(torch.randn(DIM, DIM))[0]
x = torch.randn(N, DIM)
h = x @ proj
y = (h[:, 0] * h[:, 1] > 0).long() + 2 * (h[:, 2] > 0).long()
x_train, x_test, y_train, y_test = x[:1200], x[1200:], y[:1200], y[1200:]

encoder = nn.Sequential(
    nn.Linear(DIM, 24),
    nn.ReLU(),
    nn.Linear(24, 16),
    nn.ReLU(),
)
classifier = nn.Linear(16, 4)

optimizer = torch.optim.Adam(classifier.parameters(), lr=1e-2)  # <- fault
criterion = nn.CrossEntropyLoss()
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=48, shuffle=True)

for epoch in range(12):
    encoder.train()
    classifier.train()
    total = 0
    for xb, yb in loader:
        logits = classifier(encoder(xb))
        loss = criterion(logits, yb)
        encoder.zero_grad()
        classifier.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print("epoch", epoch, "loss", total / len(loader))

encoder.eval()
classifier.eval()
with torch.no_grad():
    accuracy = (classifier(encoder(x_test)).argmax(1) == y_test).float().mean().item()
print("accuracy", accuracy)
