import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(2024)


class DeepNet(nn.Module):
    def __init__(self, input_size, hidden_size, n_hidden, n_classes):
        super().__init__()
        sizes = [input_size] + [hidden_size] * n_hidden
        self.hidden = [nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:])]  # <- fault
        self.out = nn.Linear(hidden_size, n_classes)

    def forward(self, x):
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.out(x)


X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
scaler = StandardScaler()
X_train = torch.tensor(scaler.fit_transform(X_train), dtype=torch.float32)
X_test = torch.tensor(scaler.transform(X_test), dtype=torch.float32)
y_train = torch.tensor(y_train)

model = DeepNet(64, 32, 3, 10)
print("trainable parameters:", sum(p.numel() for p in model.parameters() if p.requires_grad))
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=0.005)

n_epochs, batch_size = 10, 64
for epoch in range(n_epochs):
    model.train()
    order = torch.randperm(X_train.size(0))
    running_loss = 0.0
    for i in range(0, X_train.size(0), batch_size):
        batch = order[i:i + batch_size]
        optimizer.zero_grad()
        loss = criterion(model(X_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()
        running_loss += loss.item() * len(batch)
    print(f"epoch {epoch + 1:2d}/{n_epochs} loss {running_loss / X_train.size(0):.4f}")

model.eval()
with torch.no_grad():
    y_pred = model(X_test).argmax(dim=1).numpy()
accuracy = float(accuracy_score(y_test, y_pred))
print("test accuracy", accuracy)
