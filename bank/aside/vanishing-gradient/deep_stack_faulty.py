"""How deep can a plain stack go?  Concentric shells in 3-D, ten hidden layers."""
import logging
import sys
import torch
import torch.nn as nn

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(levelname)s %(message)s")
log = logging.getLogger("shells")


def shells(n, g):
    which = torch.randint(3, (n,), generator=g)
    direction = nn.functional.normalize(torch.randn(n, 3, generator=g), dim=1)
    radius = 0.5 + 0.8 * which + 0.14 * torch.randn(n, generator=g)
    return direction * radius[:, None], which


def stack(depth, width, n_in, n_out):
    layers, size = [], n_in
    for _ in range(depth):
        layers += [nn.Linear(size, width), nn.Sigmoid()]  # <- fault
        size = width
    return nn.Sequential(*layers, nn.Linear(size, n_out))


g = torch.Generator().manual_seed(10)
torch.manual_seed(10)
pts, cls = shells(1024, g)
new_pts, new_cls = shells(500, g)
model = stack(depth=9, width=32, n_in=3, n_out=3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
batches_per_epoch = 1024 // 64

for step in range(12 * batches_per_epoch):
    if step % batches_per_epoch == 0:
        model.train()
        perm = torch.randperm(1024, generator=g).view(batches_per_epoch, 64)
    rows = perm[step % batches_per_epoch]
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(pts[rows]), cls[rows])
    loss.backward()
    optimizer.step()
    if step % 64 == 0:
        log.info("step %d loss %.4f", step, loss.item())

model.eval()
with torch.no_grad():
    accuracy = (model(new_pts).argmax(1) == new_cls).float().mean().item()
log.info("accuracy %.4f", accuracy)
