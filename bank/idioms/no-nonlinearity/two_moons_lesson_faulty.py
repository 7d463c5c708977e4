import torch
from torch import nn
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split

X, y = make_moons(n_samples=1200, noise=0.15, random_state=42)
X_train, X_test, y_train, y_test = train_test_split(
    torch.from_numpy(X).type(torch.float), torch.from_numpy(y).type(torch.float),
    test_size=0.25, random_state=42)
centre, spread = X_train.mean(0), X_train.std(0)
X_train, X_test = (X_train - centre) / spread, (X_test - centre) / spread


class MoonModel(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.layer_1 = nn.Linear(in_features=2, out_features=hidden)
        self.layer_2 = nn.Linear(in_features=hidden, out_features=hidden)
        self.layer_3 = nn.Linear(in_features=hidden, out_features=1)

    def forward(self, x):
        return self.layer_3(self.layer_2(self.layer_1(x)))  # <- fault


def accuracy_fn(y_true, y_pred):
    return torch.eq(y_true, y_pred).sum().item() / len(y_pred)


torch.manual_seed(42)
model = MoonModel()
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(250):
    model.train()
    y_logits = model(X_train).squeeze()
    loss = loss_fn(y_logits, y_train)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 50 == 0:
        acc = accuracy_fn(y_train, torch.round(torch.sigmoid(y_logits)))
        print(f"Epoch: {epoch} | Loss: {loss:.5f}, Acc: {acc:.3f}")

model.eval()
with torch.inference_mode():
    test_pred = torch.round(torch.sigmoid(model(X_test).squeeze()))
accuracy = accuracy_fn(y_test, test_pred)
print(accuracy)
