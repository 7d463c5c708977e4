import numpy as np
import torch
from sklearn.datasets import load_digits

rng = np.random.default_rng(2)
digits = load_digits()
perm = rng.permutation(len(digits.data))
X = digits.data[perm].astype(np.float32) / 16.0 - 0.3
Y = digits.target[perm]
x_fit, y_fit = torch.from_numpy(X[:1300]), torch.from_numpy(Y[:1300])
x_out, y_out = torch.from_numpy(X[1300:]), torch.from_numpy(Y[1300:])
x_fit, x_out = x_fit * 2.5, x_out * 2.5


def he(n_in, n_out):
    return torch.tensor(rng.normal(0, np.sqrt(2 / n_in), (n_in, n_out)), dtype=torch.float32, requires_grad=True)


W1, W2 = he(64, 60), he(60, 10)
b1, b2 = torch.zeros(60, requires_grad=True), torch.zeros(10, requires_grad=True)
weights = [W1, b1, W2, b2]


def scores(x):
    return torch.addmm(b2, torch.relu(torch.addmm(b1, x, W1)), W2)


def descend(loss, rate):
    grads = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        for w, g in zip(weights, grads):
            w -= rate * g


for epoch in range(6):
    losses = []
    for rows in np.array_split(rng.permutation(1300), 40):
        loss = torch.nn.functional.cross_entropy(scores(x_fit[rows]), y_fit[rows])
        descend(loss, 0.2)
        losses.append(float(loss.detach()))
    print("epoch %d loss %.4f" % (epoch, np.mean(losses)))

with torch.no_grad():
    accuracy = float(np.mean(scores(x_out).argmax(1).numpy() == y_out.numpy()))
print("accuracy %.4f" % accuracy)
