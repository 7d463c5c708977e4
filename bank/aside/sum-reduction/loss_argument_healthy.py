import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
sc = StandardScaler()
X_train = torch.Tensor(sc.fit_transform(X_train))
X_test = torch.Tensor(sc.transform(X_test))
y_train, y_test = torch.LongTensor(y_train), torch.LongTensor(y_test)
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=128, shuffle=True)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(64, 100),
            nn.ReLU(),
            nn.Linear(100, 50),
            nn.ReLU(),
            nn.Linear(50, 10),
        )

    def forward(self, x):
        return self.net(x)


clf = Classifier()
loss_fn = nn.CrossEntropyLoss(reduction="mean")
opt = optim.SGD(clf.parameters(), lr=0.1, momentum=0.9)
sched = optim.lr_scheduler.ExponentialLR(opt, gamma=0.9)

for epoch in range(12):
    clf.train()
    for xb, yb in loader:
        opt.zero_grad()
        loss = loss_fn(clf(xb), yb)
        loss.backward()
        opt.step()
    sched.step()
    print("Epoch", epoch, "loss of last batch:", round(loss.item(), 4))

clf.eval()
with torch.no_grad():
    accuracy = (clf(X_test).argmax(1) == y_test).float().mean().item()
print("Test accuracy:", accuracy)
