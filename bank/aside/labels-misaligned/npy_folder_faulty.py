"""Gratings photographed one by one: frames live in a folder, answers in a sheet by shot number."""
import math, os, tempfile
import numpy as np
import torch
from torch.utils.data import Dataset, DataLoader, Subset


def record_session(folder, shots, gen):
    sheet = []
    u, v = np.meshgrid(np.linspace(-1, 1, 10), np.linspace(-1, 1, 10))
    for shot in range(shots):
        k = int(gen.integers(5))
        theta = math.pi * k / 5 + gen.normal(0, 0.08)
        wave = np.sin(5 * (u * math.cos(theta) + v * math.sin(theta)) + gen.uniform(0, 6.28))
        np.save(os.path.join(folder, f"shot{shot}.npy"), (wave + gen.normal(0, 0.35, wave.shape)).astype(np.float32))
        sheet.append(k)
    return sheet


class Session(Dataset):
    def __init__(self, folder, sheet):
        names = sorted(os.listdir(folder))  # <- fault
        self.frames = [torch.from_numpy(np.load(os.path.join(folder, n))) for n in names]
        self.sheet = sheet

    def __len__(self):
        return len(self.sheet)

    def __getitem__(self, i):
        return self.frames[i].unsqueeze(0), self.sheet[i]


class GratingNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(1, 16, 5)
        self.norm = torch.nn.GroupNorm(4, 16)
        self.out = torch.nn.Linear(16, 5)

    def forward(self, x):
        return self.out(self.norm(self.stem(x)).relu().mean(dim=(2, 3)))


torch.manual_seed(9)
gen = np.random.default_rng(9)
with tempfile.TemporaryDirectory() as train_dir, tempfile.TemporaryDirectory() as exam_dir:
    train = Session(train_dir, record_session(train_dir, 700, gen))
    exam_sheet = record_session(exam_dir, 10, gen)
    exam_frames = Session(exam_dir, exam_sheet)
    # a longer exam, kept in memory
    exam = [exam_frames[i] for i in range(10)]
with tempfile.TemporaryDirectory() as extra:
    for part in range(24):
        sheet = record_session(extra, 10, gen)
        reel = Session(extra, sheet)
        exam += [reel[i] for i in range(10)]

net = GratingNet()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(10):
    for frames, kinds in DataLoader(train, batch_size=35, shuffle=True):
        opt.zero_grad()
        torch.nn.functional.cross_entropy(net(frames), kinds).backward()
        opt.step()

net.eval()
with torch.no_grad():
    xs = torch.stack([f for f, _ in exam])
    ks = torch.tensor([k for _, k in exam])
    accuracy = (net(xs).argmax(1) == ks).float().mean().item()
print(f"{len(exam)} exam frames, accuracy {accuracy:.3f}")
