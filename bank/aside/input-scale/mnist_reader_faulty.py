import gzip, os, struct
import numpy as np, torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import Dataset, DataLoader

ROOT = os.path.join(os.environ["FAIRTRIAL_DATA"], "mnist")
MEAN, STD = 0.1307, 0.3081


def read_idx(stem, limit):
    for name, opener in ((stem, open), (stem + ".gz", gzip.open)):
        path = os.path.join(ROOT, name)
        if os.path.exists(path):
            with opener(path, "rb") as fh:
                magic, count = struct.unpack(">II", fh.read(8))
                if magic == 2049:
                    return np.frombuffer(fh.read(limit), dtype=np.uint8)
                rows, cols = struct.unpack(">II", fh.read(8))
                raw = np.frombuffer(fh.read(limit * rows * cols), dtype=np.uint8)
                return raw.reshape(-1, rows, cols)
    raise FileNotFoundError(stem)


class Mnist(Dataset):
    def __init__(self, split, limit):
        self.x = torch.tensor(read_idx(f"{split}-images-idx3-ubyte", limit), dtype=torch.float32) / 255.0
        self.y = torch.tensor(read_idx(f"{split}-labels-idx1-ubyte", limit), dtype=torch.long)

    def __getitem__(self, item):
        image = self.x[item] / 255.0  # <- fault
        return (image - MEAN) / STD, self.y[item]

    def __len__(self):
        return len(self.y)


class Mlp(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.a = nn.Linear(784, hidden)
        self.b = nn.Linear(hidden, 10)

    def forward(self, img):
        return self.b(F.relu(self.a(img.flatten(1))))


if __name__ == "__main__":
    torch.manual_seed(3)
    train = DataLoader(Mnist("train", 1500), batch_size=50, shuffle=True)
    test = DataLoader(Mnist("t10k", 500), batch_size=250)
    model = Mlp()
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(1, 8):
        model.train()
        for image, digit in train:
            opt.zero_grad()
            F.cross_entropy(model(image), digit).backward()
            opt.step()
    model.eval()
    with torch.no_grad():
        hits = [(model(image).argmax(-1) == digit) for image, digit in test]
    accuracy = torch.cat(hits).float().mean().item()
    print(f"test accuracy {accuracy:.4f}")
