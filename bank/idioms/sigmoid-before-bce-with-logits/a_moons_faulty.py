import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split

RANDOM_SEED = 42
torch.manual_seed(RANDOM_SEED)

X, y = make_moons(1000, noise=0.12, random_state=RANDOM_SEED)
X = torch.from_numpy(X).type(torch.float)
y = torch.from_numpy(y).type(torch.float)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=RANDOM_SEED)


class MoonModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_1 = nn.Linear(2, 16)
        self.layer_2 = nn.Linear(16, 16)
        self.layer_3 = nn.Linear(16, 1)
        self.relu = nn.ReLU()
        self.sigmoid = nn.Sigmoid()  # <- fault

    def forward(self, x):
        return self.sigmoid(self.layer_3(self.relu(self.layer_2(self.relu(self.layer_1(x))))))  # <- fault


def accuracy_fn(y_true, y_pred):
    return torch.eq(y_true, y_pred).sum().item() / len(y_pred)


model = MoonModel()
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

epochs = 25
for epoch in range(epochs):
    model.train()
    for idx in torch.randperm(len(X_train)).split(80):
        out = model(X_train[idx]).squeeze()
        loss = loss_fn(out, y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 0:
        print(f"Epoch: {epoch} | Loss: {loss:.5f}")

model.eval()
with torch.inference_mode():
    out = model(X_test).squeeze()
    test_pred = torch.round(out)
accuracy = accuracy_fn(y_test, test_pred)
print(f"Test acc: {accuracy:.4f}")
