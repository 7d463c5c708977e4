"""Folders on disk are called "6", "7", ..., "17"."""
import torch
from sklearn.datasets import make_blobs
from torch.utils.data import Dataset, DataLoader

torch.manual_seed(6)
FOLDERS = [str(n) for n in range(6, 18)]
feats, which = make_blobs(n_samples=1600, centers=len(FOLDERS), n_features=10, cluster_std=2.5, random_state=14)
samples = [(FOLDERS[w], f) for w, f in zip(which, feats)]


def find_classes(names, numeric):
    ordered = sorted(set(names), key=int) if numeric else sorted(set(names))
    return {name: i for i, name in enumerate(ordered)}


class FolderDataset(Dataset):
    def __init__(self, items, numeric=False, stats=None):
        self.class_to_idx = find_classes([n for n, _ in items], numeric)
        x = torch.tensor([f.tolist() for _, f in items])
        self.stats = stats or (x.mean(0), x.std(0))
        self.x = (x - self.stats[0]) / self.stats[1]
        self.y = torch.tensor([self.class_to_idx[n] for n, _ in items])

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


train_ds = FolderDataset(samples[:1200], numeric=True)
test_ds = FolderDataset(samples[1200:], stats=train_ds.stats)  # <- fault
model = torch.nn.Sequential(
    torch.nn.Linear(10, 64),
    torch.nn.SiLU(),
    torch.nn.Linear(64, len(train_ds.class_to_idx)),
)
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
loss_fn = torch.nn.CrossEntropyLoss()
loader = DataLoader(train_ds, batch_size=40, shuffle=True)
for epoch in range(7):
    model.train()
    total = 0.0
    for x, y in loader:
        opt.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        opt.step()
        total += loss.item()
    print(f"{epoch}: {total / len(loader):.4f}")

model.eval()
correct = 0
with torch.no_grad():
    for x, y in DataLoader(test_ds, batch_size=100):
        correct += (model(x).argmax(1) == y).sum().item()
accuracy = correct / len(test_ds)
print("test:", accuracy)
