import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedShuffleSplit

SEED, EPOCHS, BS = 2024, 6, 64


def seed_everything(s):
    np.random.seed(s)
    torch.manual_seed(s)


seed_everything(SEED)
X, y = load_digits(return_X_y=True)
tr_idx, va_idx = next(StratifiedShuffleSplit(1, test_size=0.2, random_state=SEED).split(X, y))
X = ((X - X[tr_idx].mean()) / X[tr_idx].std()).astype("float32").reshape(-1, 1, 8, 8)
n_class = len(np.unique(y))
onehot = np.eye(n_class, dtype="float32")[y]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 16, 3, padding=1)
        self.c2 = nn.Conv2d(16, 24, 3, padding=1)
        self.fc = nn.Linear(24 * 4 * 4, n_class)

    def forward(self, x):
        x = F.leaky_relu(self.c1(x), 0.1)
        x = F.max_pool2d(F.leaky_relu(self.c2(x), 0.1), 2)
        return self.fc(x.flatten(1))


def batches(idx, shuffle):
    idx = np.random.permutation(idx) if shuffle else idx
    for s in range(0, len(idx), BS):
        j = idx[s:s + BS]
        yield torch.from_numpy(X[j]), torch.from_numpy(onehot[j])


model = Net()
opt = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-5)
criterion = nn.BCEWithLogitsLoss()  # <- fault
for ep in range(EPOCHS):
    model.train()
    log = []
    for xb, tb in batches(tr_idx, True):
        opt.zero_grad()
        loss = criterion(model(xb), tb)  # <- fault
        loss.backward()
        opt.step()
        log.append(loss.item())
    print(f"epoch {ep + 1}/{EPOCHS} loss {np.mean(log):.4f}")

model.eval()
with torch.no_grad():
    pred = np.concatenate([model(xb).argmax(1).numpy() for xb, _ in batches(va_idx, False)])
accuracy = float((pred == y[va_idx]).mean())
print("ACC", accuracy)
