import torch
import torch.nn as nn
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(26)

X, y = make_blobs(n_samples=1500, centers=8, n_features=10, cluster_std=4.0, random_state=26)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=26)
std = StandardScaler().fit(X_train)
train_set = TensorDataset(torch.tensor(std.transform(X_train)).float(), torch.tensor(y_train))
X_test, y_test = torch.tensor(std.transform(X_test)).float(), torch.tensor(y_test)

l2_lambda = 1e-5


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear1 = nn.Linear(10, 64)
        self.linear2 = nn.Linear(64, 32)
        self.linear3 = nn.Linear(32, 8)

    def forward(self, x):
        x = torch.relu(self.linear1(x))
        x = torch.relu(self.linear2(x))
        return self.linear3(x)


model = Model()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
loader = DataLoader(train_set, batch_size=70, shuffle=True)

for epoch in range(15):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        # regularisation
        l2_norm = sum(p.pow(2.0).sum() for p in model.parameters())
        loss = loss + l2_lambda * l2_norm
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch:2d} loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    accuracy = (model(X_test).argmax(1) == y_test).float().mean().item()
print("accuracy", accuracy)
