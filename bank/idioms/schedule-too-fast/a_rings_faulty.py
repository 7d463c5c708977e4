from dataclasses import dataclass, field

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset


@dataclass
class TrainConfig:
    epochs: int = 9
    batch_size: int = 32
    lr: float = 0.1
    step_size: int = 5
    gamma: float = 0.2
    history: list = field(default_factory=list)


class Rings(Dataset):
    """points on three noisy concentric rings, lifted to 5 dimensions"""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        self.labels = torch.randint(0, 3, (n,), generator=g)
        radius = self.labels + 1 + 0.15 * torch.randn(n, generator=g)
        a = 6.2832 * torch.rand(n, generator=g)
        noise = torch.randn(n, 3, generator=g)
        self.points = torch.cat([torch.stack([radius * a.cos(), radius * a.sin()], 1) / 1.5, noise], 1)

    def __len__(self):
        return self.labels.numel()

    def __getitem__(self, i):
        return self.points[i], self.labels[i]


class Trainer:
    def __init__(self, model, cfg):
        self.model, self.cfg = model, cfg
        self.optimizer = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=0.9)
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, cfg.step_size, cfg.gamma)  # <- fault
        self.loss = nn.CrossEntropyLoss()

    def training_step(self, batch):
        points, labels = batch
        loss = self.loss(self.model(points), labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()  # <- fault
        return loss.item()

    def fit(self, loader):
        for epoch in range(self.cfg.epochs):
            losses = [self.training_step(batch) for batch in loader]
            self.cfg.history.append(sum(losses) / len(losses))
            print(f"epoch {epoch}: {self.cfg.history[-1]:.4f}")

    @torch.no_grad()
    def test(self, data):
        pts, lab = zip(*(data[i] for i in range(len(data))))
        return (self.model(torch.stack(pts)).argmax(1) == torch.stack(lab)).float().mean().item()


torch.manual_seed(9)
rings = Rings(1300, seed=9)
cfg = TrainConfig()
trainer = Trainer(nn.Sequential(nn.Linear(5, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, 3)), cfg)
trainer.fit(DataLoader(Subset(rings, range(1000)), cfg.batch_size, shuffle=True))
accuracy = trainer.test(Subset(rings, range(1000, 1300)))
print("accuracy", accuracy)
