import torch
import torch.nn as nn
import torch.optim as optim
import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler

np.random.seed(0)
torch.manual_seed(0)

X, Y = make_classification(n_samples=1100, n_features=13, n_informative=7, n_redundant=0,
                           weights=[0.55], class_sep=1.3, flip_y=0, random_state=8)
x_train, x_test, y_train, y_test = train_test_split(X, Y, test_size=0.2, random_state=8)
scale = MinMaxScaler((-1, 1)).fit(x_train)
x_train, x_test = scale.transform(x_train), scale.transform(x_test)


class HeartNet(nn.Module):
    def __init__(self):
        super(HeartNet, self).__init__()
        self.linear1 = nn.Linear(13, 32)
        self.linear2 = nn.Linear(32, 16)
        self.linear3 = nn.Linear(16, 1)
        self.act = nn.ReLU()
        self.out = nn.Softmax(dim=1)  # <- fault

    def forward(self, x):
        x = self.act(self.linear1(x))
        x = self.act(self.linear2(x))
        return self.out(self.linear3(x))  # <- fault


net = HeartNet()
criterion = nn.BCELoss()
optimizer = optim.Adam(net.parameters(), lr=0.004)

bs = 40
for epoch in range(14):
    order = np.random.permutation(len(x_train))
    total = 0.0
    for k in range(0, len(order), bs):
        sel = order[k:k + bs]
        xb = torch.FloatTensor(x_train[sel])
        yb = torch.FloatTensor(y_train[sel]).reshape(-1, 1)
        optimizer.zero_grad()
        pred = net(xb)
        loss = criterion(pred, yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print('Epoch: %d, loss: %.4f' % (epoch, total))

net.eval()
with torch.no_grad():
    prob = net(torch.FloatTensor(x_test)).numpy().ravel()
accuracy = float(np.mean((prob >= 0.5) == (y_test == 1)))
print('accuracy =', accuracy)
