"""Two layers of plain tensors, gradients by autograd, steps by hand."""

import torch
import torch.nn.functional as F

torch.manual_seed(2)
centres = torch.randn(4, 6) * 2
labels = torch.randint(0, 4, (800,))
points = centres[labels] + torch.randn(800, 6)

w1 = (torch.randn(6, 32) / 6**0.5).requires_grad_()
b1 = torch.zeros(32, requires_grad=True)
w2 = (torch.randn(32, 4) / 32**0.5).requires_grad_()
b2 = torch.zeros(4, requires_grad=True)
parameters = [w1, b1, w2, b2]


def forward(x):
    h = torch.relu(x @ w1 + b1)
    return h @ w2 + b2


lr = 0.1
for step in range(150):
    rows = torch.randint(0, 600, (32,))
    logits = forward(points[rows])
    loss = F.cross_entropy(logits, labels[rows])
    for p in parameters:
        p.grad = None
    loss.backward()
    with torch.no_grad():
        for p in parameters:
            p -= lr * p.grad

with torch.no_grad():
    print("accuracy", (forward(points[600:]).argmax(1) == labels[600:]).float().mean().item())
