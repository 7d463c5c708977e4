import copy
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_classification

torch.manual_seed(311)
X, y = make_classification(n_samples=1100, n_features=20, n_informative=6, n_redundant=2, n_classes=3,
                           class_sep=1.3, flip_y=0.0, random_state=311)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
X = (X - X[:600].mean(0)) / X[:600].std(0)
train = TensorDataset(X[:600], y[:600])
valid = TensorDataset(X[600:850], y[600:850])
test = TensorDataset(X[850:], y[850:])


def correct_share(net, ds):
    net.eval()
    with torch.no_grad():
        a, b = ds.tensors
        return (net(a).argmax(1) == b).float().mean().item()


def train_model(net, fit_on, judge_on, epochs, lr):
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    top, snapshot = -1.0, None
    for epoch in range(epochs):
        net.train()
        for a, b in DataLoader(fit_on, batch_size=40, shuffle=True):
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(a), b)
            loss.backward()
            opt.step()
        now = correct_share(net, judge_on)
        print(f"epoch {epoch} {now:.4f}")
        if now > top:
            top, snapshot = now, copy.deepcopy(net.state_dict())
    net.load_state_dict(snapshot)
    return net


network = nn.Sequential(nn.Linear(20, 50), nn.ReLU(), nn.Linear(50, 50), nn.ReLU(), nn.Linear(50, 3))
network = train_model(network, train, valid, epochs=15, lr=4e-3)
accuracy = correct_share(network, test)
print("final", accuracy)
