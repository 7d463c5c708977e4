import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedShuffleSplit

torch.manual_seed(33)
digits = load_digits()
a, b = next(StratifiedShuffleSplit(1, test_size=0.2, random_state=8).split(digits.data, digits.target))
feats = torch.tensor(digits.data / 16.0, dtype=torch.float32) - 0.3
target = torch.tensor(digits.target)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(64, 80)
        self.fc2 = nn.Linear(80, 40)
        self.fc3 = nn.Linear(40, 10)
        self.act = nn.LeakyReLU(0.1)

    def forward(self, x):
        x = self.act(self.fc1(x))
        x = self.act(self.fc2(x))
        return self.fc3(x)


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.opt = torch.optim.NAdam(model.parameters(), lr=lr)
        self.loss_fn = nn.CrossEntropyLoss()
        self.history = []

    def one_epoch(self, x, y, bs):
        self.model.train()
        for idx in torch.randperm(len(x)).split(bs):
            self.opt.zero_grad()
            loss = self.loss_fn(self.model(x[idx]), y[idx])
            loss.backward()
            self.opt.step()
            self.history.append(loss.item())

    @torch.no_grad()
    def score(self, x, y):
        self.model.eval()
        return self.model(x).argmax(1).eq(y).double().mean().item()


trainer = Trainer(Net(), 2e-3)
for epoch in range(8):
    trainer.one_epoch(feats[a], target[a], 48)
    print(epoch, sum(trainer.history[-30:]) / 30)
accuracy = trainer.score(feats[b], target[b])
print("accuracy:", accuracy)
