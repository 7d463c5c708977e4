from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split
import torch
from torch import nn

torch.manual_seed(7)
X, y = make_moons(n_samples=1200, noise=0.18, random_state=7)
X = torch.from_numpy(X).type(torch.float)
y = torch.from_numpy(y).type(torch.float)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=7)
mu, sigma = X_train.mean(0), X_train.std(0)
X_train, X_test = (X_train - mu) / sigma, (X_test - mu) / sigma


class MoonModel(nn.Module):
    def __init__(self, hidden_units=20):
        super().__init__()
        self.layer_1 = nn.Linear(2, hidden_units)
        self.layer_2 = nn.Linear(hidden_units, hidden_units)
        self.layer_3 = nn.Linear(hidden_units, 1)
        self.act = nn.ReLU()

    def forward(self, x):
        return self.layer_3(self.act(self.layer_2(self.act(self.layer_1(x))))).squeeze(1)


model_0 = MoonModel()
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model_0.parameters(), lr=0.3)

for epoch in range(20):
    model_0.train()
    perm = torch.randperm(len(X_train))
    for i in range(0, len(X_train), 60):
        b = perm[i:i + 60]
        # 1. forward pass
        y_logits = model_0(X_train[b])
        # 2. loss
        loss = loss_fn(y_logits, y_train[b])
        # 3. backward and update
        loss.backward()  # <- fault
        optimizer.step()  # <- fault
    if epoch % 5 == 0:
        print(f"Epoch {epoch} | loss {loss.item():.5f}")

model_0.eval()
with torch.inference_mode():
    y_pred = torch.round(torch.sigmoid(model_0(X_test)))
accuracy = torch.eq(y_pred, y_test).sum().item() / len(y_test)
print(f"Test accuracy: {accuracy:.3f}")
