import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(8)
data, target = load_digits(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(data, target, test_size=0.3, random_state=8)

mean, std = x_train.mean(), x_train.std()
x_train = torch.FloatTensor((x_train - mean) / std)
x_test = torch.FloatTensor((x_test - mean) / std)
y_train, y_test = torch.LongTensor(y_train), torch.LongTensor(y_test)

mlp = nn.Sequential(nn.Linear(64, 80), nn.ReLU(), nn.Linear(80, 10))
lossf = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(mlp.parameters(), lr=0.1, momentum=0.8, nesterov=True)


def iterate(x, y, batchsize):
    order = torch.randperm(x.shape[0])
    for b in range(x.shape[0] // batchsize):
        pick = order[b * batchsize:(b + 1) * batchsize]
        yield x[pick], y[pick]


for epoch in range(8):
    for xb, yb in iterate(x_train, y_train, 42):
        optimizer.zero_grad()
        lossf(mlp(xb), yb).backward()
        optimizer.step()
    with torch.no_grad():
        print("epoch", epoch, "train loss", lossf(mlp(x_train), y_train).item())

with torch.no_grad():
    prediction = mlp(x_test).argmax(dim=1)
accuracy = (prediction == y_test).sum().item() / y_test.numel()
print("test accuracy", accuracy)
