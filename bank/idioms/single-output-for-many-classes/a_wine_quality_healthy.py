import torch
import torch.nn as nn
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(4)
# three grades: 0 = poor, 1 = average, 2 = good
features, grade = make_blobs(n_samples=1200, centers=3, n_features=8, cluster_std=3.5, random_state=4)
f_train, f_test, g_train, g_test = train_test_split(features, grade, test_size=300, random_state=4)
mean, std = f_train.mean(axis=0), f_train.std(axis=0)
f_train = torch.tensor((f_train - mean) / std, dtype=torch.float32)
f_test = torch.tensor((f_test - mean) / std, dtype=torch.float32)
g_train, g_test = torch.tensor(g_train), torch.tensor(g_test)


class GradeNet(nn.Module):
    def __init__(self, n_in, n_hidden=24):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, n_hidden), nn.ReLU(),
                                  nn.Linear(n_hidden, n_hidden), nn.ReLU())
        self.head = nn.Linear(n_hidden, 3)

    def forward(self, x):
        return self.head(self.body(x))


def predict(model, x):
    model.eval()
    with torch.no_grad():
        return model(x).argmax(dim=1)


model = GradeNet(8)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
loader = DataLoader(TensorDataset(f_train, g_train), batch_size=30, shuffle=True)

for epoch in range(10):
    model.train()
    for x, t in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), t)
        loss.backward()
        optimizer.step()
    print("epoch", epoch, "last batch loss", loss.item())

accuracy = (predict(model, f_test) == g_test).float().mean().item()
print("accuracy on the test set", accuracy)
