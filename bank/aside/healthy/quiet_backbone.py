"""A batch-norm encoder is trained on even/odd, then kept as it is; a new head learns all ten digits."""
import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(41)
d = load_digits()
p = torch.randperm(len(d.target))
x = torch.tensor(d.images, dtype=torch.float32)[p].unsqueeze(1).div_(16)
y = torch.tensor(d.target)[p]
x = (x - x[:1300].mean()) / x[:1300].std()
cut = 1300


class Encoder(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 24, 3, stride=2),
                         nn.BatchNorm2d(24), nn.ReLU(), nn.Flatten())


class Transfer(nn.Module):
    def __init__(self, encoder, classes):
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        self.head = nn.Sequential(nn.LayerNorm(96), nn.Linear(96, 64), nn.GELU(), nn.Linear(64, classes))

    def train(self, mode=True):
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, im):
        with torch.no_grad():
            code = self.encoder(im)
        return self.head(code)


def loop(net, params, xs, ys, epochs):
    opt = torch.optim.Adam(params, lr=3e-3)
    for _ in range(epochs):
        net.train()
        for a, b in DataLoader(TensorDataset(xs, ys), batch_size=52, shuffle=True):
            opt.zero_grad()
            nn.functional.cross_entropy(net(a), b).backward()
            opt.step()


encoder = Encoder()
first = nn.Sequential(encoder, nn.Linear(96, 2))
loop(first, first.parameters(), x[:cut], y[:cut] % 2, epochs=4)
tail = Transfer(encoder, 10)
loop(tail, tail.head.parameters(), x[:cut], y[:cut], epochs=10)
tail.eval()
with torch.no_grad():
    accuracy = (tail(x[cut:]).argmax(1) == y[cut:]).float().mean().item()
print("ten digits on a frozen even/odd encoder:", accuracy)
