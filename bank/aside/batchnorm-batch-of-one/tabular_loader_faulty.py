import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import StandardScaler

torch.manual_seed(0)
X, y = make_classification(n_samples=1500, n_features=16, n_informative=10, n_classes=4,
                           class_sep=1.6, random_state=21)
N_TRAIN = 1121
scaler = StandardScaler().fit(X[:N_TRAIN])
X = torch.tensor(scaler.transform(X), dtype=torch.float)
y = torch.tensor(y)

train = DataLoader(TensorDataset(X[:N_TRAIN], y[:N_TRAIN]), batch_size=32, shuffle=True)  # <- fault


class TabNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(16, 64)
        self.bn1 = nn.BatchNorm1d(64)
        self.fc2 = nn.Linear(64, 32)
        self.bn2 = nn.BatchNorm1d(32)
        self.fc3 = nn.Linear(32, 4)

    def forward(self, x):
        x = torch.relu(self.bn1(self.fc1(x)))
        x = torch.relu(self.bn2(self.fc2(x)))
        return self.fc3(x)


model = TabNet()
loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(6):
    model.train()
    for xb, yb in train:
        opt.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        opt.step()
    print("epoch", epoch, "last loss", round(loss.item(), 4))

model.eval()
with torch.no_grad():
    pred = model(X[N_TRAIN:]).argmax(1)
accuracy = float(accuracy_score(y[N_TRAIN:].numpy(), pred.numpy()))
print("accuracy:", accuracy)
