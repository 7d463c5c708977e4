import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)

X, y = make_classification(n_samples=1600, n_features=20, n_informative=10, n_redundant=2,
                           n_classes=4, n_clusters_per_class=1, class_sep=1.6, random_state=3)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.25, random_state=3)
sc = StandardScaler().fit(X_tr)
X_tr = torch.from_numpy(sc.transform(X_tr)).float()
X_te = torch.from_numpy(sc.transform(X_te)).float()
y_tr, y_te = torch.from_numpy(y_tr), torch.from_numpy(y_te)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.hidden = nn.Linear(20, 48)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(48, 4)

    def forward(self, x):
        x = self.drop(F.relu(self.hidden(x)))
        return F.log_softmax(self.out(x), dim=1)


net = Net()
criterion = nn.NLLLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.005)
trainloader = DataLoader(TensorDataset(X_tr, y_tr), batch_size=40, shuffle=True)

for epoch in range(8):
    net.train()
    running_loss = 0.0
    for i, data in enumerate(trainloader, 0):
        inputs, labels = data
        optimizer.zero_grad()
        outputs = net(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
        if i % 15 == 14:
            print('[%d, %5d] loss: %.3f' % (epoch + 1, i + 1, running_loss / 15))
            running_loss = 0.0
print('Finished Training')

net.eval()
with torch.no_grad():
    _, predicted = torch.max(net(X_te), 1)
accuracy = (predicted == y_te).sum().item() / y_te.size(0)
print('Accuracy on the test set: %.2f %%' % (100 * accuracy))
