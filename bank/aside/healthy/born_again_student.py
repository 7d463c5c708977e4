"""Teacher, then student trained on the teacher's tempered log-probabilities with KL divergence."""
import torch
import torch.nn.functional as F
from torch import nn
from sklearn.datasets import load_digits

TAU, MIX = 3.0, 0.7


def make(*dims):
    layers = []
    for a, b in zip(dims, dims[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def optimise(net, objective, x, y, epochs, lr):
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    for epoch in range(epochs):
        net.train()
        for idx in torch.randperm(len(x)).split(64):
            opt.zero_grad()
            loss = objective(net(x[idx]), x[idx], y[idx])
            loss.backward()
            opt.step()
    print("final loss", round(loss.item(), 4))
    return net.eval().requires_grad_(False)


def hard(logits, _, target):
    return F.cross_entropy(logits, target)


def soft_with(teacher):
    def objective(logits, inputs, target):
        with torch.no_grad():
            goal = F.log_softmax(teacher(inputs) / TAU, dim=1)
        kl = F.kl_div(F.log_softmax(logits / TAU, dim=1), goal, log_target=True, reduction="batchmean")
        return MIX * TAU ** 2 * kl + (1 - MIX) * hard(logits, inputs, target)
    return objective


torch.manual_seed(24)
raw = load_digits()
p = torch.randperm(len(raw.target))
x, y = torch.tensor(raw.data).float()[p], torch.tensor(raw.target)[p]
x = (x - x[:1280].mean()) / x[:1280].std()
teacher = optimise(make(64, 128, 10), hard, x[:1280], y[:1280], epochs=9, lr=3e-3)
student = optimise(make(64, 32, 10), soft_with(teacher), x[:1280], y[:1280], epochs=9, lr=5e-3)
rate = lambda net: (net(x[1280:]).argmax(1) == y[1280:]).double().mean().item()
print("teacher", rate(teacher))
accuracy = rate(student)
print("student", accuracy)
