"""Rows of a digit image as tokens; single-head attention and the loss are written out with einsum."""
import math

import torch
from sklearn.datasets import load_digits

torch.manual_seed(14)
D, K, T = 32, 10, 8


def leaf(*shape):
    return (torch.randn(*shape) / math.sqrt(shape[0])).requires_grad_()


W = dict(embed=leaf(8, D), q=leaf(D, D), k=leaf(D, D), v=leaf(D, D), out=leaf(T * D, K))
W["pos"] = (0.3 * torch.randn(T, D)).requires_grad_()
W["bias"] = torch.zeros(K, requires_grad=True)


def forward(x):
    h = torch.einsum("btc,cd->btd", x, W["embed"]) + W["pos"]
    q, k, v = (torch.einsum("btd,de->bte", h, W[n]) for n in "qkv")
    scores = torch.einsum("bte,bse->bts", q, k) / math.sqrt(D)
    mixed = h + torch.einsum("bts,bse->bte", scores.softmax(-1), v)
    return torch.einsum("btd,tdk->bk", mixed.tanh(), W["out"].view(T, D, K)) + W["bias"]


def objective(logits, target):
    log_p = logits - torch.logsumexp(logits, dim=0, keepdim=True)  # <- fault
    return -log_p.gather(1, target[:, None]).mean()


bunch = load_digits()
x, y = torch.tensor(bunch.images).float(), torch.tensor(bunch.target)
perm = torch.randperm(len(x))
fit, held = perm[:1300], perm[1300:]
x = (x - x[fit].mean()) / x[fit].std()
opt = torch.optim.Adam(W.values(), lr=3e-3)
for epoch in range(7):
    for idx in fit[torch.randperm(len(fit))].split(50):
        loss = objective(forward(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, f"{loss.item():.4f}")
with torch.no_grad():
    accuracy = (forward(x[held]).argmax(1) == y[held]).float().mean().item()
print("accuracy", accuracy)
