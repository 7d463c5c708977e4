import argparse
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_blobs

parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int, default=4)
parser.add_argument("--width", type=int, default=48)
parser.add_argument("--init-scale", type=float, default=0.01)  # <- fault
parser.add_argument("--lr", type=float, default=0.05)
args, _ = parser.parse_known_args([])

torch.manual_seed(909)


class DeepNet(nn.Module):
    def __init__(self, d_in, d_out, depth, width, scale):
        super().__init__()
        dims = [d_in] + [width] * depth
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(dims, dims[1:]))
        self.readout = nn.Linear(width, d_out)
        for lin in self.hidden:
            with torch.no_grad():
                lin.weight.normal_(0, scale / lin.in_features ** 0.5)  # <- fault
                lin.bias.zero_()

    def forward(self, x):
        for lin in self.hidden:
            x = torch.relu(lin(x))
        return self.readout(x)


pts, cls = make_blobs(1600, n_features=12, centers=8, cluster_std=4.0, random_state=99)
pts, cls = torch.tensor(pts).float(), torch.tensor(cls)
pts = (pts - pts[:1200].mean(0)) / pts[:1200].std(0)
train_part, test_part = TensorDataset(pts[:1200], cls[:1200]), TensorDataset(pts[1200:], cls[1200:])
model = DeepNet(12, 8, args.depth, args.width, args.init_scale)
opt = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
for epoch in range(10):
    for bx, by in DataLoader(train_part, batch_size=50, shuffle=True):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(bx), by)
        loss.backward()
        opt.step()
    print(epoch, f"{loss.item():.4f}")

model.eval()
with torch.no_grad():
    bx, by = next(iter(DataLoader(test_part, batch_size=400)))
    accuracy = (model(bx).argmax(1) == by).float().mean().item()
print(accuracy)
