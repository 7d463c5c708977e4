import torch
from torch import nn
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler


def train_one_epoch(net, x, y, optimizer, scheduler):
    net.train()
    total = 0.0
    for rows in torch.randperm(len(y)).chunk(5):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()  # <- fault
        total += loss.item() / 5
    scheduler.step()
    return total


def build_optimizer(net, epoch, epochs):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02 * (1 - epoch / epochs), momentum=0.95)
    return optimizer, torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 1 / epochs, total_iters=epochs - 1)


torch.manual_seed(33)
X, y = make_classification(1400, 30, n_informative=14, n_redundant=6, n_classes=4, n_clusters_per_class=1,
                           class_sep=1.0, flip_y=0, random_state=33)
scaler = StandardScaler().fit(X[:1000])
X, y = torch.tensor(scaler.transform(X), dtype=torch.float32), torch.tensor(y)
net = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
EPOCHS = 40
for epoch in range(EPOCHS):
    optimizer, scheduler = build_optimizer(net, epoch, EPOCHS)  # <- fault
    value = train_one_epoch(net, X[:1000], y[:1000], optimizer, scheduler)
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1} loss {value:.4f}")

net.eval()
with torch.no_grad():
    accuracy = (net(X[1000:]).argmax(1) == y[1000:]).float().mean().item()
print("accuracy", accuracy)
