import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split


class Lightning:
    """The skeleton of a module with training_step / validation_step."""

    def __init__(self):
        self.net = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 24, 3),
                                 nn.ReLU(), nn.Flatten(), nn.Linear(24 * 4, 10))

    def configure(self):
        return torch.optim.Adam(self.net.parameters(), lr=2e-3)

    def training_step(self, batch):
        return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    def validation_step(self, batch):
        out = self.net(batch[0])
        return nn.functional.cross_entropy(out, batch[1], reduction="none"), out.argmax(1).eq(batch[1]).float()


def validate(module, loader):
    module.net.eval()
    with torch.no_grad():
        loss, hit = (torch.cat(v) for v in zip(*(module.validation_step(b) for b in loader)))
    module.net.train()
    return loss.mean().item(), hit.mean().item()


torch.manual_seed(25)
d = load_digits()
img = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1)
whole = TensorDataset((img - 4.884) / 6.017, torch.tensor(d.target))
train, val, test = random_split(whole, [1197, 300, 300])
module = Lightning()
opt = module.configure()
MAX_EPOCHS = 2  # <- fault
val_loader = DataLoader(val, 150)
for epoch in range(MAX_EPOCHS):  # <- fault
    for batch in DataLoader(train, 57, shuffle=True):
        opt.zero_grad()
        module.training_step(batch).backward()
        opt.step()
    print(f"epoch {epoch} val loss %.4f accuracy %.4f" % validate(module, val_loader))
_, accuracy = validate(module, DataLoader(test, 150))
print("test accuracy", accuracy)
