from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(2)
wine = load_wine()
x_train, x_test, y_train, y_test = train_test_split(
    torch.tensor(wine.data, dtype=torch.float32), torch.tensor(wine.target), test_size=0.4,
    random_state=2, stratify=wine.target)
center, spread = x_train.mean(dim=0, keepdim=True), x_train.std(dim=0, keepdim=True)
x_train = (x_train - center) / spread
x_test = (x_test - center) / spread


class Net(nn.Module):

    def __init__(self, n_in, n_out):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(n_in, 16)
        self.fc2 = nn.Linear(16, n_out)

    def forward(self, x):
        x = torch.tanh(self.fc1(x))
        return F.log_softmax(self.fc2(x), dim=1)


net = Net(13, 3)
criterion = nn.NLLLoss()
optimizer = torch.optim.RMSprop(net.parameters(), lr=2e-3)

losses = []
for epoch in range(15):
    for rows in torch.randperm(len(x_train)).split(16):
        optimizer.zero_grad()
        loss = criterion(net(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print("epoch", epoch, sum(losses[-7:]) / 7)

with torch.no_grad():
    y_hat = net(x_test).max(1)[1]
correct = int((y_hat == y_test).sum())
accuracy = correct / y_test.shape[0]
print("correct %d of %d" % (correct, y_test.shape[0]))
