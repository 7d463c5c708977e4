"""A convolutional net on striped pictures, batches cut by hand."""

import torch
import torch.nn as nn


def pictures(n, seed):
    """Stripes across or along, thin or thick: four classes."""
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 4, (n,), generator=g)
    line = torch.arange(12)
    waves = torch.stack([torch.sin(line * f) for f in (0.9, 1.9)])[y // 2]
    x = waves[:, None, None, :].expand(n, 1, 12, 12).clone()
    x[y % 2 == 1] = x[y % 2 == 1].transpose(2, 3)
    return x + 0.4 * torch.randn(x.shape, generator=g), y


def build():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 4),
    )


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def main():
    torch.manual_seed(1)
    x, y = pictures(160, 1)
    vx, vy = pictures(200, 2)
    model = build()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(12):
        model.train()
        order = torch.randperm(len(x))
        for start in range(0, len(x), 32):
            rows = order[start : start + 32]
            out = model(x[rows])
            loss = loss_fn(out, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print("epoch", epoch, "valid accuracy", evaluate(model, vx, vy))
    return model


model = main()
