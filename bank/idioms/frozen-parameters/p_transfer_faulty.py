# Continual learning: task A = digits 0-4, task B = digits 5-9 with few labels, one shared body
import torch, numpy as np
from sklearn.datasets import load_digits

torch.manual_seed(8)
X, y = load_digits(return_X_y=True)
perm = np.random.RandomState(8).permutation(len(y))
X, y = torch.tensor((X[perm] - 4.9) / 6.0).float(), torch.tensor(y[perm])
A, B = (y < 5).nonzero()[:, 0], (y >= 5).nonzero()[:, 0]
fit_a, held_a = A[:600], A[600:]
fit_b, held_b = B[:200], B[200:]
y = y % 5


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Linear(64, 160), torch.nn.ReLU(),
            torch.nn.Linear(160, 128), torch.nn.ReLU())
        self.heads = torch.nn.ModuleDict({"a": torch.nn.Linear(128, 5)})

    def forward(self, x, task):
        return self.heads[task](self.body(x))


def run(net, task, rows, opt, epochs, bs):
    loss_fn = torch.nn.CrossEntropyLoss()
    for e in range(epochs):
        tot = 0.
        for idx in rows[torch.randperm(len(rows))].split(bs):
            opt.zero_grad(); loss = loss_fn(net(X[idx], task), y[idx])
            loss.backward(); opt.step()
            tot += loss.item() * len(idx)
    return tot / len(rows)


net = Net()
print("A loss", run(net, "a", fit_a, torch.optim.Adam(net.parameters(), 2e-3), 6, 50))

# ---- the second task gets its own head; the body must stay what task A made of it
net.heads["b"] = torch.nn.Linear(128, 5)
for layer in net.body.children():
    layer.requires_grad = False  # <- fault
net.heads["a"].requires_grad_(False)
trainable = [p for p in net.parameters() if p.requires_grad]
print("B loss", run(net, "b", fit_b, torch.optim.SGD(trainable, lr=0.1, momentum=0.9), 30, 20))

net.eval()
with torch.no_grad():
    ok_a = (net(X[held_a], "a").argmax(dim=1) == y[held_a]).numpy()
    ok_b = (net(X[held_b], "b").argmax(dim=1) == y[held_b]).numpy()
print("A", ok_a.mean(), "B", ok_b.mean())
accuracy = float(np.concatenate([ok_a, ok_b]).mean())
print(accuracy)
