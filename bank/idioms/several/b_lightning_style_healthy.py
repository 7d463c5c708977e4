import copy

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split
from sklearn.datasets import load_digits


class Module(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
            nn.Flatten(), nn.Dropout(0.25), nn.Linear(96, 10))

    def training_step(self, batch):
        x, y = batch
        return nn.functional.cross_entropy(self.net(x), y)

    def validation_step(self, batch):
        x, y = batch
        return (self.net(x).argmax(1) == y).sum().item()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)


class Fitter:
    def __init__(self, module, max_epochs):
        self.module, self.max_epochs = module, max_epochs
        self.best, self.best_score = None, -1.0

    def validate(self, loader):
        self.module.eval()
        with torch.no_grad():
            return sum(self.module.validation_step(b) for b in loader) / len(loader.dataset)

    def fit(self, train, val):
        opt = self.module.configure_optimizers()
        self.validate(val)
        for epoch in range(self.max_epochs):
            self.module.train()
            for batch in train:
                opt.zero_grad()
                loss = self.module.training_step(batch)
                loss.backward()
                opt.step()
            score = self.validate(val)
            print(epoch, loss.item(), score)
            if score > self.best_score:
                self.best, self.best_score = copy.deepcopy(self.module.state_dict()), score
        self.module.load_state_dict(self.best)


torch.manual_seed(35)
d = load_digits()
ds = TensorDataset((torch.tensor(d.images[:, None]).float() - 4.9) / 6, torch.tensor(d.target))
tr, va, te = random_split(ds, [1100, 300, 397])
fitter = Fitter(Module(), max_epochs=8)
fitter.fit(DataLoader(tr, 50, shuffle=True), DataLoader(va, 150))
accuracy = fitter.validate(DataLoader(te, 150))
print("test", accuracy)
