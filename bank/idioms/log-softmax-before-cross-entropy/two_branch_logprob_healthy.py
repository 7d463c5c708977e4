import torch
import torch.nn.functional as F
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(11)
X, y = make_blobs(n_samples=1800, n_features=12, centers=6, cluster_std=5.0, random_state=11)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.25, stratify=y, random_state=11)
scaler = StandardScaler().fit(X_tr)


def as_dataset(features, target):
    return TensorDataset(torch.from_numpy(scaler.transform(features)).float(), torch.from_numpy(target).long())


class Branches(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.left = torch.nn.Linear(6, 24)
        self.right = torch.nn.Linear(6, 24)
        self.join = torch.nn.Bilinear(24, 24, 6)
        self.skip = torch.nn.Linear(48, 6)

    def forward(self, x):
        a, b = x.chunk(2, dim=1)
        a, b = F.elu(self.left(a)), F.elu(self.right(b))
        z = self.join(a, b) + self.skip(torch.cat((a, b), 1))
        return z


model = Branches()
opt = torch.optim.AdamW(model.parameters(), lr=2e-3)
train = DataLoader(as_dataset(X_tr, y_tr), batch_size=50, shuffle=True)
for epoch in range(5):
    for xb, yb in train:
        opt.zero_grad()
        F.cross_entropy(model(xb), yb).backward()
        opt.step()

model.eval()
hits = seen = 0
with torch.inference_mode():
    for xb, yb in DataLoader(as_dataset(X_te, y_te), batch_size=150):
        hits += int((model(xb).argmax(-1) == yb).sum())
        seen += yb.numel()
accuracy = hits / seen
print(f"test accuracy {accuracy:.3f} on {seen}")
