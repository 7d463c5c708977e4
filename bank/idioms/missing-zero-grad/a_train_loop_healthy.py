import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(19)

# ---- data -------------------------------------------------------------
X, y = make_classification(n_samples=1500, n_features=24, n_informative=12, n_classes=5,
                           n_clusters_per_class=1, class_sep=1.5, random_state=19)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=19)
ss = StandardScaler()
X_train, X_test = ss.fit_transform(X_train), ss.transform(X_test)
train_data = TensorDataset(torch.from_numpy(X_train).float(), torch.from_numpy(y_train).long())
test_data = TensorDataset(torch.from_numpy(X_test).float(), torch.from_numpy(y_test).long())
train_loader = DataLoader(train_data, batch_size=48, shuffle=True)
test_loader = DataLoader(test_data, batch_size=100)

# ---- model ------------------------------------------------------------
model = nn.Sequential(nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 5))
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

# ---- training ---------------------------------------------------------
num_epochs = 9
for epoch in range(num_epochs):
    model.train()
    train_loss, train_correct = 0.0, 0
    for inputs, targets in train_loader:
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, targets)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * inputs.size(0)
        train_correct += (outputs.argmax(1) == targets).sum().item()
    print(f"Epoch [{epoch + 1}/{num_epochs}] loss {train_loss / len(train_data):.4f} "
          f"acc {train_correct / len(train_data):.4f}")

# ---- test -------------------------------------------------------------
model.eval()
y_pred = []
with torch.no_grad():
    for inputs, _ in test_loader:
        y_pred.extend(model(inputs).argmax(1).tolist())
accuracy = float(np.mean(np.array(y_pred) == y_test))
print("Test accuracy:", accuracy)
