# Sharpness-aware training: each update looks at the gradient twice.
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score, accuracy_score


class SAM:
    def __init__(self, params, rho, **kw):
        self.params = list(params)
        self.rho = rho
        self.inner = torch.optim.SGD(self.params, **kw)

    @torch.no_grad()
    def climb(self):
        norm = torch.sqrt(sum(p.grad.square().sum() for p in self.params)) + 1e-12
        self.moves = [self.rho * p.grad / norm for p in self.params]
        for p, m in zip(self.params, self.moves):
            p.add_(m)
        self.inner.zero_grad()

    @torch.no_grad()
    def descend(self):
        for p, m in zip(self.params, self.moves):
            p.sub_(m)
        self.inner.step()
        self.inner.zero_grad()


torch.manual_seed(58)
X, y = make_classification(1500, 16, n_informative=10, n_redundant=3, n_classes=3, weights=[0.6, 0.25, 0.15],
                           n_clusters_per_class=1, class_sep=1.8, flip_y=0.0, random_state=58)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y)
X = (X - X[:1100].mean(0)) / X[:1100].std(0)
loader = DataLoader(TensorDataset(X[:1100], y[:1100]), batch_size=55, shuffle=True)
counts = torch.bincount(y[:1100])
loss_fn = nn.CrossEntropyLoss(weight=counts.sum() / (3.0 * counts))
net = nn.Sequential(nn.Linear(16, 64), nn.SELU(), nn.Linear(64, 32), nn.SELU(), nn.Linear(32, 3))
sam = SAM(net.parameters(), rho=0.05, lr=0.05, momentum=0.9)
schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(sam.inner, T_0=5)

for epoch in range(10):
    net.train()
    for bx, by in loader:
        loss_fn(net(bx), by).backward()
        sam.climb()
        second = loss_fn(net(bx), by)
        second.backward()
        sam.descend()
    schedule.step()
    print(epoch, round(second.item(), 4))

net.eval()
with torch.no_grad():
    guess = net(X[1100:]).argmax(1)
accuracy = float(accuracy_score(y[1100:], guess))
print("accuracy", accuracy, "balanced", balanced_accuracy_score(y[1100:], guess))
