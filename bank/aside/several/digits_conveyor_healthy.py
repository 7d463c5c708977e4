"""Digits on a conveyor: a Solver object, momentum SGD, plain accuracy at the end."""
import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import ShuffleSplit


class Solver:
    def __init__(self, model, lr=0.02, momentum=0.8):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
        self.loss_fn = nn.CrossEntropyLoss()
        self.trace = []

    def batches(self, x, y, size):
        for idx in torch.randperm(len(x)).split(size):
            yield x[idx], y[idx]

    def solve(self, x, y, epochs, size):
        self.model.train()
        for _ in range(epochs):
            for bx, by in self.batches(x, y, size):
                self.optimizer.zero_grad()
                loss = self.loss_fn(self.model(bx), by)
                loss.backward()
                self.optimizer.step()
                self.trace.append(loss.item())

    def judge(self, x, y):
        self.model.eval()
        with torch.no_grad():
            return (self.model(x).argmax(1) == y).sum().item() / len(y)


class Perceptron(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.inp = nn.Linear(64, hidden)
        self.out = nn.Linear(hidden, 10)
        self.act = nn.ReLU()

    def forward(self, x):
        x = self.act(self.inp(x))
        return self.out(x)


torch.manual_seed(606)
data = load_digits()
a, b = next(ShuffleSplit(1, test_size=0.25, random_state=606).split(data.data))
m, s = data.data[a].mean(), data.data[a].std()
X = torch.tensor((data.data - m) / s, dtype=torch.float32)
Y = torch.tensor(data.target)
solver = Solver(Perceptron(64))
solver.solve(X[a], Y[a], epochs=10, size=64)
accuracy = solver.judge(X[b], Y[b])
print("first/last loss", solver.trace[0], solver.trace[-1], "accuracy", accuracy)
