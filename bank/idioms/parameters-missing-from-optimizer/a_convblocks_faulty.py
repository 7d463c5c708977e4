import argparse
import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class ConvBlock(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = ConvBlock(1, 8)
        self.block = ConvBlock(8, 16)
        self.pool = nn.MaxPool2d(2)
        self.proj = nn.Linear(64, 32)
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        x = self.pool(self.stem(x))
        x = self.pool(self.block(x))
        return self.head(torch.relu(self.proj(x.flatten(1))))


def make_optimizer(model, lr, wd):
    decay, no_decay = [], []
    for name, p in model.named_parameters():
        if name.endswith("bias") or "norm" in name:
            no_decay.append(p)
        elif "conv" in name or "fc" in name:  # <- fault
            decay.append(p)
    groups = [{"params": decay, "weight_decay": wd}, {"params": no_decay, "weight_decay": 0.0}]  # <- fault
    return torch.optim.AdamW(groups, lr=lr)


def main(args):
    torch.manual_seed(args.seed)
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x, dtype=torch.float32).reshape(-1, 1, 8, 8) / 8 - 1
    x_tr, x_te, y_tr, y_te = train_test_split(x, torch.tensor(y), test_size=360, random_state=args.seed)
    model = Model()
    optimizer = make_optimizer(model, args.lr, args.wd)
    for epoch in range(args.epochs):
        model.train()
        for b in torch.randperm(len(x_tr))[:1408].split(args.batch):
            loss = nn.functional.cross_entropy(model(x_tr[b]), y_tr[b])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch} loss {loss.item():.4f}")
    model.eval()
    with torch.no_grad():
        return (model(x_te).argmax(1) == y_te).double().mean().item()


parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--lr", type=float, default=3e-3)
parser.add_argument("--wd", type=float, default=0.01)
parser.add_argument("--seed", type=int, default=0)
accuracy = main(parser.parse_args([]))
print("accuracy", accuracy)
