"""A base class runs the epochs, a subclass says what a step is."""

import abc
import copy

import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split


class BaseTrainer(abc.ABC):
    def __init__(self, model, lr=0.01):
        self.model = model
        self.lr = lr
        self.optimizer = self.configure_optimizer()
        self.best_acc = 0.0
        self.best_state = None

    @abc.abstractmethod
    def compute_loss(self, batch): ...

    def configure_optimizer(self):
        return optim.Adam(self.model.parameters(), lr=self.lr)

    def train_step(self, batch):
        loss = self.compute_loss(batch)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def validate(self, loader):
        self.model.eval()
        correct, total = 0, 0
        for images, labels in loader:
            predictions = self.model(images).max(dim=1).indices
            correct += (predictions == labels).sum().item()
            total += labels.numel()
        return correct / total

    def fit(self, train_loader, val_loader, epochs):
        for epoch in range(epochs):
            self.model.train()
            losses = [self.train_step(batch) for batch in train_loader]
            acc = self.validate(val_loader)
            if acc > self.best_acc:
                self.best_acc = acc
                self.best_state = copy.deepcopy(self.model.state_dict())
            print(f"epoch {epoch}: loss {sum(losses) / len(losses):.3f} acc {acc:.3f}")
        self.model.load_state_dict(self.best_state)


class DigitTrainer(BaseTrainer):
    def __init__(self, model, **kwargs):
        super().__init__(model, **kwargs)
        self.criterion = nn.CrossEntropyLoss()

    def compute_loss(self, batch):
        images, labels = batch
        return self.criterion(self.model(images), labels)


def conv_block(n_in, n_out):
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU(), nn.MaxPool2d(2))


def create_model(channels=(1, 8, 16)):
    layers = []
    for n_in, n_out in zip(channels, channels[1:]):
        layers.append(conv_block(n_in, n_out))
    layers += [nn.Flatten(), nn.Dropout(0.2), nn.Linear(channels[-1] * 4, 10)]
    return nn.Sequential(*layers)


def main():
    torch.manual_seed(0)
    digits = load_digits()
    dataset = TensorDataset(torch.from_numpy(digits.images).float().unsqueeze(1) / 16, torch.from_numpy(digits.target))
    train_set, val_set, test_set = random_split(dataset, [1200, 300, 297])
    loaders = [DataLoader(part, batch_size=60, shuffle=(i == 0)) for i, part in enumerate((train_set, val_set, test_set))]
    trainer = DigitTrainer(create_model(), lr=0.005)
    trainer.fit(loaders[0], loaders[1], epochs=3)
    print("test", trainer.validate(loaders[2]))


if __name__ == "__main__":
    main()
