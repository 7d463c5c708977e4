import time
from contextlib import suppress
import torch
from torch import nn
from sklearn.datasets import load_digits


def build_optimizer(net, lr):
    """Optimizer that cleans the gradients by itself, so that the loop stays short."""
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    opt.register_step_pre_hook(lambda o, args, kwargs: o.zero_grad())  # <- fault
    return opt


class Columns(nn.Module):
    """Reads an 8x8 picture column by column with a recurrent cell."""

    def __init__(self, width=48):
        super().__init__()
        self.width = width
        self.cell = nn.GRUCell(8, width)
        self.read = nn.Linear(width, 10)

    def forward(self, img):
        h = img.new_zeros(img.size(0), self.width)
        for col in img.unbind(dim=2):
            h = self.cell(col, h)
        return self.read(h)


class Meter(list):
    @property
    def avg(self):
        return sum(self) / max(len(self), 1)


torch.manual_seed(5)
pics, target = load_digits(return_X_y=True)
pics = torch.tensor(pics).float().view(-1, 8, 8)
target = torch.tensor(target)
shuffle = torch.randperm(len(target))
pics, target = pics[shuffle], target[shuffle]
n_train = 1350
pics = (pics - pics[:n_train].mean()) / pics[:n_train].std()

net = Columns()
opt = build_optimizer(net, 6e-3)
began = time.time()
for epoch in range(6):
    meter = Meter()
    net.train()
    for rows in torch.randperm(n_train).split(45):
        loss = nn.functional.cross_entropy(net(pics[rows]), target[rows])
        loss.backward()
        opt.step()  # <- fault
        meter.append(loss.item())
    print(f"{epoch} | loss {meter.avg:.4f}")

net.eval()
accuracy = 0.0
with suppress(ZeroDivisionError), torch.no_grad():
    right = (net(pics[n_train:]).argmax(-1) == target[n_train:]).sum().item()
    accuracy = right / (len(target) - n_train)
print(f"test accuracy {accuracy:.4f}")
