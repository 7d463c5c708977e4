import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score

torch.manual_seed(1234)
EPOCHS = 12
LEARNING_RATE = 0.1

pixels, target = load_digits(return_X_y=True)
perm = torch.randperm(len(target))
train_ids, test_ids = perm[:1300].tolist(), perm[1300:].tolist()
pixels = torch.tensor(pixels, dtype=torch.float32)
mean, std = pixels[train_ids].mean(), pixels[train_ids].std()
full = TensorDataset((pixels - mean) / std, torch.tensor(target))
train_loader = DataLoader(Subset(full, train_ids), batch_size=65, shuffle=True)
test_loader = DataLoader(Subset(full, test_ids), batch_size=200)


def weights_init(layer):
    if isinstance(layer, nn.Linear):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)


network = nn.Sequential(nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 10))
network.apply(weights_init)
optimizer = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE)
for epoch in range(EPOCHS):
    network.train()
    epoch_loss = 0
    for inputs, labels in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(inputs), labels)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() / len(train_loader)
    print(f"[{epoch + 1}/{EPOCHS}] {epoch_loss:.4f}")

network.eval()
y_true, y_pred = [], []
with torch.no_grad():
    for inputs, labels in test_loader:
        y_true += labels.tolist()
        y_pred += network(inputs).argmax(1).tolist()
accuracy = float(accuracy_score(y_true, y_pred))
print("accuracy:", accuracy)
