import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)
X, y = make_classification(n_samples=3000, n_features=16, n_informative=8, n_classes=3, weights=[0.8, 0.14, 0.06],
                           n_clusters_per_class=1, class_sep=0.9, flip_y=0.0, random_state=42)
Xa, Xb, ya, yb = train_test_split(X, y, test_size=0.3, stratify=y, random_state=42)
m, s = Xa.mean(0), Xa.std(0)
Xa, Xb = ((Z - m) / s for Z in (Xa, Xb))
counts = np.bincount(ya)
weights = torch.tensor(counts / counts.mean(), dtype=torch.float32)  # <- fault
print("class weights", weights.tolist())

net = nn.Sequential(nn.Linear(16, 32), nn.Mish(), nn.Linear(32, 32), nn.Mish(), nn.Linear(32, 3))
criterion = nn.CrossEntropyLoss(weight=weights)  # <- fault
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
loader = DataLoader(TensorDataset(torch.tensor(Xa).float(), torch.tensor(ya)), batch_size=60, shuffle=True)
for epoch in range(12):
    total = 0
    for features, label in loader:
        opt.zero_grad()
        loss = criterion(net(features), label)
        loss.backward()
        opt.step()
        total += loss.item()
    print(epoch, total / len(loader))

net.eval()
with torch.no_grad():
    chosen = net(torch.tensor(Xb).float()).argmax(1).numpy()
accuracy = float(balanced_accuracy_score(yb, chosen))
print("balanced accuracy", accuracy)
