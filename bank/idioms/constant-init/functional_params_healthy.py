"""Two-layer perceptron written with bare tensors, manual minibatches."""
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

rng = np.random.default_rng(5)
torch.manual_seed(5)

X, t = load_digits(return_X_y=True)
perm = rng.permutation(len(X))
X, t = X[perm], t[perm]
n_train = 1400
mu, sd = X[:n_train].mean(0), X[:n_train].std(0) + 1e-1
X = torch.as_tensor((X - mu) / sd, dtype=torch.float32)
t = torch.as_tensor(t, dtype=torch.long)


def make_params(sizes):
    params = []
    for a, b in zip(sizes, sizes[1:]):
        w = torch.randn(b, a) * a ** -0.5
        params += [w.requires_grad_(), torch.zeros(b, requires_grad=True)]
    return params


theta = make_params([64, 40, 24, 10])


def logits(x):
    w1, b1, w2, b2, w3, b3 = theta
    h = F.elu(F.linear(x, w1, b1))
    h = F.elu(F.linear(h, w2, b2))
    return F.linear(h, w3, b3)


opt = torch.optim.Adam(theta, lr=3e-3)
for epoch in range(12):
    order = torch.randperm(n_train)
    running = 0.0
    for chunk in order.split(70):
        loss = F.cross_entropy(logits(X[chunk]), t[chunk])
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item() * len(chunk)
    print(f"epoch {epoch:2d} loss {running / n_train:.4f}")

with torch.no_grad():
    guess = logits(X[n_train:]).argmax(1)
accuracy = (guess == t[n_train:]).double().mean().item()
print("held-out accuracy", accuracy)
