import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split
from sklearn.datasets import load_digits


class EncoderClassifier(nn.Module):
    def __init__(self, code_size=1):  # <- fault
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(64, 64), nn.LeakyReLU(0.1),
            nn.Linear(64, code_size),  # <- fault
            nn.Tanh(),
        )
        self.classifier = nn.Linear(code_size, 10)  # <- fault

    def forward(self, x):
        return self.classifier(self.encoder(x.flatten(1)))


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.opt = torch.optim.RMSprop(model.parameters(), lr=lr)
        self.crit = nn.CrossEntropyLoss()

    def fit(self, loader, epochs):
        for ep in range(1, epochs + 1):
            self.model.train()
            seen = loss_sum = 0
            for x, y in loader:
                self.opt.zero_grad()
                loss = self.crit(self.model(x), y)
                loss.backward()
                self.opt.step()
                seen += len(y)
                loss_sum += loss.item() * len(y)
            print(f"epoch {ep:>2} loss {loss_sum / seen:.3f}")

    @torch.no_grad()
    def score(self, loader):
        self.model.eval()
        ok = n = 0
        for x, y in loader:
            ok += (self.model(x).argmax(1) == y).sum().item()
            n += len(y)
        return ok / n


if __name__ == "__main__":
    torch.manual_seed(99)
    raw = load_digits()
    ds = TensorDataset(torch.tensor(raw.images / 8 - 1).float(), torch.tensor(raw.target))
    train_ds, test_ds = random_split(ds, [1437, 360])
    trainer = Trainer(EncoderClassifier(), lr=2e-3)
    trainer.fit(DataLoader(train_ds, batch_size=64, shuffle=True), epochs=12)
    accuracy = trainer.score(DataLoader(test_ds, batch_size=120))
    print("accuracy", accuracy)
