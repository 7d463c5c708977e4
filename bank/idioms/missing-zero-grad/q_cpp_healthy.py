import math
import sys
import torch


class SpiralSource:
    """Fills caller-provided buffers, like the C++ front end did."""

    def __init__(self, arms: int, noise: float, seed: int) -> None:
        self.m_arms, self.m_noise = arms, noise
        self.m_gen = torch.Generator().manual_seed(seed)

    def fill(self, points: torch.Tensor, labels: torch.Tensor) -> None:
        n = labels.numel()
        labels.copy_(torch.randint(self.m_arms, (n,), generator=self.m_gen))
        r = torch.rand(n, generator=self.m_gen) * 0.9 + 0.1
        theta = 3.2 * r + labels * (2 * math.pi / self.m_arms)
        theta += self.m_noise * torch.randn(n, generator=self.m_gen)
        points[:, 0], points[:, 1] = r * torch.cos(theta), r * torch.sin(theta)


class Solver:
    def __init__(self, net: torch.nn.Module, rate: float) -> None:
        self.m_net = net
        self.m_opt = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.8)
        self.m_crit = torch.nn.CrossEntropyLoss()

    def step(self, points: torch.Tensor, labels: torch.Tensor) -> float:
        self.m_opt.zero_grad()
        loss = self.m_crit(self.m_net(points), labels)
        loss.backward()
        self.m_opt.step()
        return loss.item()

    def solve(self, source: SpiralSource, sweeps: int, iterations: int, batch: int) -> None:
        points, labels = torch.empty(batch, 2), torch.empty(batch, dtype=torch.long)
        for sweep in range(sweeps):
            acc = 0.0
            for _ in range(iterations):
                source.fill(points, labels)
                acc += self.step(points, labels)
            sys.stdout.write(f"sweep {sweep}: {acc / iterations:.4f}\n")


def main() -> float:
    torch.manual_seed(1)
    net = torch.nn.Sequential(
        torch.nn.Linear(2, 64), torch.nn.ReLU(), torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 3))
    Solver(net, 0.25).solve(SpiralSource(3, 0.15, seed=100), sweeps=8, iterations=60, batch=40)
    points, labels = torch.empty(1500, 2), torch.empty(1500, dtype=torch.long)
    SpiralSource(3, 0.15, seed=200).fill(points, labels)
    with torch.no_grad():
        return torch.eq(net(points).argmax(1), labels).float().mean().item()


accuracy = main()
sys.stdout.write(f"accuracy {accuracy:.4f}\n")
