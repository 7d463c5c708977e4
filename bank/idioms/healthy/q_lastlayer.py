# LBFGS on a linear readout over fixed random convolution features; the readout starts at zero
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, confusion_matrix

torch.manual_seed(1905)
bunch = load_digits()
order = np.random.default_rng(1905).permutation(len(bunch.target))
train_i, test_i = order[:1200], order[1200:]
images = torch.from_numpy(bunch.images[:, None] / 16.0).float()
labels = torch.from_numpy(bunch.target)

bank = torch.nn.Conv2d(1, 40, 4, bias=True).requires_grad_(False)
with torch.no_grad():
    features = torch.nn.functional.avg_pool2d(torch.relu(bank(images)), 2, stride=1).flatten(1)
features = (features - features[train_i].mean(0)) / (features[train_i].std(0) + 1e-3)

readout = torch.nn.Linear(features.shape[1], 10)
torch.nn.init.zeros_(readout.weight)
torch.nn.init.zeros_(readout.bias)
solver = torch.optim.LBFGS(readout.parameters(), lr=0.8, max_iter=4, history_size=12)
ridge = 2e-3
evaluations = []


def closure():
    solver.zero_grad()
    fit = torch.nn.functional.cross_entropy(readout(features[train_i]), labels[train_i])
    value = fit + ridge * readout.weight.square().sum()
    value.backward()
    evaluations.append(fit.item())
    return value


for outer in range(12):
    before = solver.step(closure)
    print(outer, len(evaluations), round(float(before), 4))

guess = readout(features[test_i]).detach().argmax(1).numpy()
accuracy = float(accuracy_score(labels[test_i].numpy(), guess))
print(confusion_matrix(labels[test_i].numpy(), guess).diagonal(), accuracy)
