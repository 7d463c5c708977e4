import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split


# images 12x12: a bright bar, a ring or a cross at a random place
def scene(kind, gen):
    img = 0.35 * torch.randn(12, 12, generator=gen)
    r, c = (torch.randint(3, 9, (2,), generator=gen)).tolist()
    if kind == 0:
        img[r, c - 3:c + 4] += 1.2
    elif kind == 1:
        img[r - 2:r + 3, c - 2:c + 3] += 1.0
        img[r - 1:r + 2, c - 1:c + 2] -= 1.0
    else:
        img[r - 3:r + 4, c] += 1.0
        img[r, c - 3:c + 4] += 1.0
    return img


gen = torch.Generator().manual_seed(31)
kinds = torch.randint(0, 3, (960,), generator=gen)
images = torch.stack([scene(int(k), gen) for k in kinds]).unsqueeze(1)
images = 40 * images + 15
train_ds, dev_ds, test_ds = random_split(TensorDataset(images, kinds), [640, 120, 200], generator=gen)
stats = images[train_ds.indices]
images.sub_(stats.mean()).div_(stats.std())

torch.manual_seed(31)
model = nn.Sequential(
    nn.Conv2d(1, 12, 3), nn.BatchNorm2d(12), nn.ReLU(),
    nn.Conv2d(12, 16, 3, stride=2), nn.BatchNorm2d(16), nn.ReLU(),
    nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Dropout(0.2), nn.Linear(64, 3),
)
train_dl = DataLoader(train_ds, batch_size=32, shuffle=True)
dev_dl = DataLoader(dev_ds, batch_size=60)
test_dl = DataLoader(test_ds, batch_size=100)
optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.8)


def evaluate(dl):
    model.eval()
    right = 0
    with torch.no_grad():
        for xb, yb in dl:
            right += (model(xb).argmax(1) == yb).sum().item()
    return right / len(dl.dataset)


model.train()  # <- fault
for epoch in range(1, 15):  # <- fault
    for xb, yb in train_dl:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(xb), yb).backward()
        optimizer.step()
    print("epoch", epoch, "dev", evaluate(dev_dl))

accuracy = evaluate(test_dl)
print("test", accuracy)
