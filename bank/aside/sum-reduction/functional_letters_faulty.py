# Noisy 5x5 glyphs of the letters T, L, X, O, H: written without nn.Module, parameters in a dict.
import torch
import torch.nn.functional as F

GLYPHS = {
    "T": "11111 00100 00100 00100 00100",
    "L": "10000 10000 10000 10000 11111",
    "X": "10001 01010 00100 01010 10001",
    "O": "01110 10001 10001 10001 01110",
    "H": "10001 10001 11111 10001 10001",
}
g = torch.Generator().manual_seed(404)


def draw(n):
    book = torch.stack([torch.tensor([int(c) for c in s.replace(" ", "")], dtype=torch.float32) for s in GLYPHS.values()])
    which = torch.randint(len(GLYPHS), (n,), generator=g)
    ink = book[which] * (0.6 + 0.8 * torch.rand(n, 1, generator=g))
    dropped = torch.rand(n, 25, generator=g) < 0.15
    return ink.masked_fill(dropped, 0.0) + 0.45 * torch.randn(n, 25, generator=g), which


def glorot(rows, cols):
    bound = (6.0 / (rows + cols)) ** 0.5
    return ((torch.rand(rows, cols, generator=g) * 2 - 1) * bound).requires_grad_()


params = {
    "w1": glorot(25, 40), "b1": torch.zeros(40, requires_grad=True),
    "w2": glorot(40, 40), "b2": torch.zeros(40, requires_grad=True),
    "w3": glorot(40, 5), "b3": torch.zeros(5, requires_grad=True),
}


def network(p, inp):
    h = torch.relu(inp @ p["w1"] + p["b1"])
    h = torch.relu(h @ p["w2"] + p["b2"])
    return h @ p["w3"] + p["b3"]


x_tr, y_tr = draw(1280)
x_te, y_te = draw(500)
centre, spread = x_tr.mean(0), x_tr.std(0)
x_tr, x_te = (x_tr - centre) / spread, (x_te - centre) / spread
optimizer = torch.optim.SGD(params.values(), lr=0.1, momentum=0.9)

for epoch in range(8):
    for idx in torch.randperm(len(x_tr), generator=g).view(-1, 64):
        logits = network(params, x_tr[idx])
        loss = F.cross_entropy(logits, y_tr[idx], reduction="sum")  # <- fault
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, "last batch:", round(loss.item(), 4))

with torch.no_grad():
    accuracy = float((network(params, x_te).argmax(1) == y_te).sum()) / len(y_te)
print({"accuracy": accuracy})
