# EE-559 style mini-project. Fill in the TODO parts of the skeleton.
import copy
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(1000)


def load_data():
    digits = load_digits()
    images = torch.tensor(digits.images * 15.9).round()   # grey values 0..255 as in the files
    perm = torch.randperm(len(images))
    images, targets = images[perm].float().flatten(1), torch.tensor(digits.target)[perm]
    tr, va, te = slice(0, 1100), slice(1100, 1400), slice(1400, None)
    # TODO 1: prepare the inputs
    mean, std = images[tr].mean(), images[tr].std()
    inputs = (images - mean) / std
    return [(inputs[s], targets[s]) for s in (tr, va, te)]


class StudentNet(nn.Module):
    # TODO 2: define the layers
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 100)
        self.output = nn.Linear(100, 10)

    def forward(self, x):
        x = torch.tanh(self.hidden(x))
        x = self.output(x)
        return x


def compute_nb_errors(model, inputs, targets):
    model.eval()
    with torch.no_grad():
        return (model(inputs).argmax(1) != targets).sum().item()


def train_model(model, train, val, nb_epochs=10, mini_batch_size=50, eta=0.1):
    # TODO 3: optimisation with early stopping on the validation set
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=eta, momentum=0.9)
    lowest = len(val[1]) + 1
    for e in range(nb_epochs):
        model.train()
        sum_loss = 0.0
        for ix in torch.randperm(len(train[1])).split(mini_batch_size):
            loss = criterion(model(train[0][ix]), train[1][ix])
            model.zero_grad()
            loss.backward()
            optimizer.step()
            sum_loss += loss.item()
        errors = compute_nb_errors(model, *val)
        if errors < lowest:
            lowest = errors
            best = copy.deepcopy(model.state_dict())
        print(e, round(sum_loss, 3), "validation errors", errors)
    model.load_state_dict(best)


train, val, test = load_data()
net = StudentNet()
train_model(net, train, val)
nb = compute_nb_errors(net, *test)
accuracy = 1.0 - nb / len(test[1])
print(f"test error {100 * nb / len(test[1]):.2f}% ({nb}/{len(test[1])})")
