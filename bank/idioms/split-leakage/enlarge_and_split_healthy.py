import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

SEED = 251
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)
X, y = make_classification(n_samples=700, n_features=25, n_informative=10, n_classes=3, class_sep=1.7,
                           flip_y=0.0, random_state=SEED)
X = X.astype(np.float32)


def enlarge(x, t, times=3):
    """Copies of every row, for a longer epoch."""
    rows = np.repeat(np.arange(len(x)), times)
    return x[rows], t[rows]


x_fit, x_held, y_fit, y_held = train_test_split(X, y, test_size=0.25, random_state=SEED)
x_fit, y_fit = enlarge(x_fit, y_fit)
mu, sigma = x_fit.mean(axis=0), x_fit.std(axis=0)
x_fit, x_held = (x_fit - mu) / sigma, (x_held - mu) / sigma

model = nn.Sequential(nn.Linear(25, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)
criterion = nn.CrossEntropyLoss()
xt, yt = torch.from_numpy(x_fit), torch.from_numpy(y_fit)
for epoch in range(5):
    model.train()
    for rows in torch.randperm(len(xt)).split(50):
        optimizer.zero_grad()
        loss = criterion(model(xt[rows]), yt[rows])
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    pred = model(torch.from_numpy(x_held)).argmax(1).numpy()
accuracy = float(np.mean(pred == y_held))
print("held-out accuracy", accuracy)
