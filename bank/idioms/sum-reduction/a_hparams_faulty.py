import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split
from sklearn.datasets import load_digits

torch.manual_seed(123)

hparams = dict(lr=0.1, momentum=0.9, batch_size=128, epochs=12, hidden=128)

d = load_digits()
full = TensorDataset(torch.tensor(d.data, dtype=torch.float32).div(16).sub(0.3).div(0.37), torch.tensor(d.target))
train_ds, test_ds = random_split(full, [1397, 400], torch.Generator().manual_seed(0))
loaders = {
    "train": DataLoader(train_ds, hparams["batch_size"], shuffle=True),
    "test": DataLoader(test_ds, 400),
}

model = nn.Sequential(
    nn.Linear(64, hparams["hidden"]), nn.ReLU(),
    nn.Linear(hparams["hidden"], hparams["hidden"]), nn.ReLU(),
    nn.Linear(hparams["hidden"], 10),
)
criterion = nn.CrossEntropyLoss(reduction="sum")  # <- fault
optimizer = torch.optim.SGD(model.parameters(), lr=hparams["lr"], momentum=hparams["momentum"])  # <- fault

for epoch in range(hparams["epochs"]):
    model.train()
    epoch_loss = 0.0
    for x, y in loaders["train"]:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
    print("epoch %d  train loss %.4f" % (epoch, epoch_loss / len(train_ds)))

model.eval()
with torch.no_grad():
    x, y = next(iter(loaders["test"]))
    accuracy = (model(x).argmax(1) == y).sum().item() / len(y)
print("test accuracy", accuracy)
