import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(281)
BATCH = 128
b = load_digits()
ds = TensorDataset(torch.tensor(b.data / 8.0 - 1.0, dtype=torch.float32), torch.tensor(b.target))
ids = torch.randperm(len(ds)).tolist()
loaders = {
    "train": DataLoader(Subset(ds, ids[:1400]), batch_size=40, shuffle=True),
    "test": DataLoader(Subset(ds, ids[1400:]), batch_size=BATCH),
}
net = nn.Sequential(nn.Linear(64, 70), nn.ReLU(), nn.Linear(70, 70), nn.ReLU(), nn.Linear(70, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)


def phase(name):
    is_train = name == "train"
    net.train(is_train)
    correct, losses = 0, []
    with torch.set_grad_enabled(is_train):
        for x, y in loaders[name]:
            out = net(x)
            loss = nn.functional.cross_entropy(out, y)
            if is_train:
                opt.zero_grad()
                loss.backward()
                opt.step()
            losses.append(loss.item())
            correct += out.argmax(1).eq(y).sum().item()
    return sum(losses) / len(losses), correct / (len(loaders[name]) * loaders[name].batch_size)  # <- fault


for epoch in range(7):
    loss, acc = phase("train")
    print(f"epoch {epoch} loss {loss:.4f} train acc {acc:.4f}")
loss, accuracy = phase("test")
print(f"test loss {loss:.4f} test acc {accuracy:.4f}")
