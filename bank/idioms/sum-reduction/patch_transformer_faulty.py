import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Subset, TensorDataset


class PatchFormer(nn.Module):
    """Sixteen 2x2 patches, one encoder layer, mean pooling."""

    def __init__(self, dim=32):
        super().__init__()
        self.embed = nn.Linear(4, dim)
        self.pos = nn.Parameter(torch.randn(1, 16, dim) * 0.3)
        self.enc = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.out = nn.Linear(dim, 10)

    def forward(self, img):
        p = F.unfold(img, 2, stride=2).transpose(1, 2)
        return self.out(self.enc(self.embed(p) + self.pos).mean(1))


def run_epoch(model, loader, opt=None):
    model.train(opt is not None)
    count = correct = 0
    for img, lab in loader:
        with torch.set_grad_enabled(opt is not None):
            out = model(img)
        if opt is not None:
            loss = F.cross_entropy(out, lab, reduction="sum")  # <- fault
            opt.zero_grad()
            loss.backward()
            opt.step()  # <- fault
        correct += (out.argmax(1) == lab).sum().item()
        count += lab.shape[0]
    return correct / count


torch.manual_seed(1)
d = load_digits()
full = TensorDataset(torch.tensor(d.images).float().unsqueeze(1).div(8).sub(1), torch.tensor(d.target))
split = torch.randperm(len(full), generator=torch.Generator().manual_seed(1)).tolist()
train = DataLoader(Subset(full, split[:1350]), batch_size=27, shuffle=True)
test = DataLoader(Subset(full, split[1350:]), batch_size=149)
model = PatchFormer()
opt = torch.optim.SGD(model.parameters(), lr=0.04, momentum=0.9)
for epoch in range(9):
    print("epoch", epoch, "train accuracy", round(run_epoch(model, train, opt), 3))
accuracy = run_epoch(model, test)
print("test accuracy", accuracy)
