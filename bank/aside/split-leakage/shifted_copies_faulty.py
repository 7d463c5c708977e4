# Small-data experiment: 350 digits, five jittered copies of each one.
import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

rng = np.random.default_rng(5)
torch.manual_seed(5)


def jitter(img):
    gain = rng.uniform(0.9, 1.1)
    return gain * img + rng.normal(0, 0.04, img.shape)


def enlarge(images, labels, copies):
    big = [images] + [np.stack([jitter(im) for im in images]) for _ in range(copies)]
    return np.concatenate(big), np.tile(labels, copies + 1)


bunch = load_digits()
pick = rng.permutation(len(bunch.target))[:350]
images, labels = bunch.images[pick] / 16.0, bunch.target[pick]

images, labels = enlarge(images, labels, copies=5)  # <- fault
a_img, b_img, a_lab, b_lab = train_test_split(images, labels, test_size=0.4, random_state=0)  # <- fault

to = lambda im: torch.tensor(im, dtype=torch.float32).sub(0.3).div(0.375).flatten(1)
A, B = to(a_img), to(b_img)
ya, yb = torch.tensor(a_lab), torch.tensor(b_lab)

net = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 10))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for sweep in range(12):
    perm = torch.randperm(len(A))
    tot = 0.0
    for k in range(0, len(A), 60):
        j = perm[k:k + 60]
        loss = nn.functional.cross_entropy(net(A[j]), ya[j])
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item() * len(j)
    if sweep % 3 == 2:
        print(sweep + 1, tot / len(A))

net.eval()
with torch.no_grad():
    accuracy = float(np.mean(net(B).argmax(1).numpy() == yb.numpy()))
print("held-out:", accuracy, "of", len(B))
