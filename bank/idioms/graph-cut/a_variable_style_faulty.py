import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Variable
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(2)

X, y = load_digits(return_X_y=True)
X = X / 16.0
X_train, X_valid, y_train, y_valid = train_test_split(X, y, test_size=0.3, random_state=2, stratify=y)


class Net(nn.Module):
    def __init__(self, in_dim, n_hidden_1, n_hidden_2, out_dim):
        super(Net, self).__init__()
        self.layer1 = nn.Sequential(nn.Linear(in_dim, n_hidden_1), nn.ReLU(True))
        self.layer2 = nn.Sequential(nn.Linear(n_hidden_1, n_hidden_2), nn.ReLU(True))
        self.layer3 = nn.Linear(n_hidden_2, out_dim)

    def forward(self, x):
        return self.layer3(self.layer2(self.layer1(x)))


def get_batches(data, target, size):
    order = np.random.RandomState(0)
    while True:
        ix = order.permutation(len(data))
        for s in range(0, len(ix) - size + 1, size):
            yield data[ix[s:s + size]], target[ix[s:s + size]]


model = Net(64, 80, 40, 10)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.8)
batches = get_batches(X_train, y_train, 64)
for it in range(250):
    bx, by = next(batches)
    inputs = Variable(torch.Tensor(bx))
    targets = Variable(torch.LongTensor(by))
    outputs = model(inputs)
    loss = criterion(outputs, targets)
    loss = Variable(loss.data, requires_grad=True)  # <- fault
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if it % 50 == 0:
        print("iter {} loss {:.4f}".format(it, loss.item()))

model.eval()
out = model(torch.Tensor(X_valid))
pred = torch.max(out.data, 1)[1].numpy()
accuracy = float((pred == y_valid).sum() / len(y_valid))
print("valid accuracy", accuracy)
