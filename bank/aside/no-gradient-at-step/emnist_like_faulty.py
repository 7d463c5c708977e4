import math
import torch
from torch import nn, Tensor

SIDE, KINDS = 9, 5


def glyphs(n: int, g: torch.Generator) -> tuple[Tensor, Tensor]:
    proto = torch.randn(KINDS, SIDE, SIDE, generator=torch.Generator().manual_seed(99))
    proto = nn.functional.avg_pool2d(proto[:, None], 3, 1, 1)[:, 0] * 2.5
    y = torch.randint(KINDS, (n,), generator=g)
    x = proto[y]
    dx = torch.randint(-1, 2, (n,), generator=g)
    x = torch.stack([im.roll(int(s), 1) for im, s in zip(x, dx)])
    x = x + 0.6 * torch.randn(x.shape, generator=g)
    return x.unsqueeze(1), y


class Session:
    def __init__(self, seed: int):
        torch.manual_seed(seed)
        self.g = torch.Generator().manual_seed(seed)
        self.net = nn.Sequential(
            nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, KINDS))
        self.opt = torch.optim.Adam(self.net.parameters(), lr=4e-3)
        self.loss = nn.CrossEntropyLoss()

    def update(self, x: Tensor, y: Tensor) -> float:
        value = self.loss(self.net(x), y)
        value.backward()
        self.opt.zero_grad()  # <- fault
        self.opt.step()  # <- fault
        return value.item()

    def train(self, x: Tensor, y: Tensor, epochs: int, size: int) -> None:
        steps = math.ceil(len(x) / size)
        for epoch in range(epochs):
            self.net.train()
            order = torch.randperm(len(x), generator=self.g)
            mean = sum(self.update(x[i], y[i]) for i in order.chunk(steps)) / steps
            print(f"epoch {epoch}: {mean:.4f}")

    @torch.no_grad()
    def test(self, x: Tensor, y: Tensor) -> float:
        self.net.eval()
        return (self.net(x).argmax(1) == y).float().mean().item()


session = Session(seed=13)
x_fit, y_fit = glyphs(800, session.g)
x_new, y_new = glyphs(300, session.g)
session.train(x_fit, y_fit, epochs=6, size=40)
accuracy = session.test(x_new, y_new)
print("accuracy on new glyphs:", accuracy)
