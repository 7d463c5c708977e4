# classification on top of sparse hidden codes
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

torch.manual_seed(21)
X, y = make_classification(n_samples=2400, n_features=30, n_informative=14, n_redundant=4,
                           n_classes=4, n_clusters_per_class=2, class_sep=1.6, random_state=21)
Xa, Xb, ya, yb = train_test_split(X, y, test_size=600, random_state=21, stratify=y)
m, s = Xa.mean(axis=0), Xa.std(axis=0)
Xa, Xb = [torch.as_tensor((a - m) / s, dtype=torch.float32) for a in (Xa, Xb)]
ya, yb = torch.as_tensor(ya), torch.as_tensor(yb)


class SparseNet(nn.Module):
    def __init__(self, n_in=30, n_hidden=128, n_out=4, bias_start=-6.0):  # <- fault
        super().__init__()
        self.encode = nn.Linear(n_in, n_hidden)  # <- fault
        self.readout = nn.Linear(n_hidden, n_out)
        self.encode.bias.data.fill_(bias_start)  # <- fault

    def forward(self, x):
        code = F.relu(self.encode(x))  # <- fault
        return self.readout(code)


net = SparseNet()
optim = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(12):
    perm = torch.randperm(len(Xa))
    for chunk in perm.split(72):
        loss = F.cross_entropy(net(Xa[chunk]), ya[chunk])
        optim.zero_grad(set_to_none=True)
        loss.backward()
        optim.step()
    if epoch % 3 == 0:
        print("epoch", epoch, "loss", float(loss))

with torch.no_grad():
    accuracy = float((net(Xb).argmax(-1) == yb).float().mean())
print(accuracy)
