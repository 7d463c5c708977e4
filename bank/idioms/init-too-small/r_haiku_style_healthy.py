"""Rings vs. crosses vs. bars, Haiku-flavoured: a store of named weights + pure apply."""
import torch
import torch.nn.functional as F

KEY = torch.Generator().manual_seed(606)


class Store(dict):
    def dense(self, scope, x, n_out):
        if scope not in self:
            n_in = x.shape[-1]
            w = torch.randn(n_in, n_out, generator=KEY) / n_in ** 0.5
            self[scope] = torch.nn.ParameterDict({"w": w, "b": torch.zeros(n_out)})
        return x @ self[scope]["w"] + self[scope]["b"]

    def leaves(self):
        return [p for d in self.values() for p in d.parameters()]


def shapes(n):
    y = torch.randint(3, (n,), generator=KEY)
    g = torch.linspace(-1, 1, 12)
    yy, xx = torch.meshgrid(g, g, indexing="ij")
    c = 0.6 * torch.rand(n, 2, 1, 1, generator=KEY) - 0.3
    u, v = xx - c[:, 0], yy - c[:, 1]
    ring = ((u.square() + v.square()).sqrt() - 0.5).abs() < 0.13
    cross = (u.abs() < 0.13) | (v.abs() < 0.13)
    bars = (u.abs() - 0.35).abs() < 0.13
    pic = torch.stack([ring, cross, bars], 1)[torch.arange(n), y].float()
    return (pic + 0.4 * torch.randn(n, 12, 12, generator=KEY)).flatten(1), y


def forward(store, x):
    for depth in range(5):
        x = torch.tanh(store.dense(f"mlp/{depth}", x, 100))
    return store.dense("logits", x, 3)


x_tr, y_tr = shapes(900)
x_te, y_te = shapes(300)
x_te = (x_te - x_tr.mean()) / x_tr.std()
x_tr = (x_tr - x_tr.mean()) / x_tr.std()

weights = Store()
forward(weights, x_tr[:1])
opt = torch.optim.SGD(weights.leaves(), lr=0.05, momentum=0.9)
for epoch in range(9):
    for rows in torch.randperm(900, generator=KEY).tensor_split(25):
        loss = F.nll_loss(F.log_softmax(forward(weights, x_tr[rows]), -1), y_tr[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print("epoch", epoch, "nll", round(loss.item(), 4))

with torch.no_grad():
    accuracy = (forward(weights, x_te).argmax(-1) == y_te).float().mean().item()
print("test", accuracy)
