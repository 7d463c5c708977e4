import os, gzip
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def load(kind, count):
    out = []
    for suffix, header, shape in (("images-idx3-ubyte", 16, (-1, 28, 28)), ("labels-idx1-ubyte", 8, (-1,))):
        p = os.path.join(os.environ["FAIRTRIAL_DATA"], "mnist", f"{kind}-{suffix}")
        fh = gzip.open(p + ".gz", "rb") if os.path.exists(p + ".gz") else open(p, "rb")
        with fh:
            size = count * 784 if len(shape) == 3 else count
            out.append(np.frombuffer(fh.read(header + size), dtype=np.uint8, offset=header).reshape(shape))
    return out


torch.manual_seed(5150)
img, lab = load("train", 1500)
img_t, lab_t = load("t10k", 500)
prep = lambda a: F.avg_pool2d(torch.from_numpy(a.astype("float32")).unsqueeze(1) / 255, 2).sub(0.13).div(0.28)
x, y = prep(img), torch.from_numpy(lab.astype("int64"))
x_t, y_t = prep(img_t), torch.from_numpy(lab_t.astype("int64"))


class Lenetish(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 3)
        self.c2 = nn.Conv2d(6, 12, 3)
        self.f1 = nn.Linear(12 * 5 * 5, 50)
        self.f2 = nn.Linear(50, 10)
        self.drop = nn.Dropout(0.25)

    def forward(self, t):
        t = F.relu(self.c1(t))
        t = F.max_pool2d(F.relu(self.c2(t)), 2)
        return self.f2(self.drop(F.relu(self.f1(t.flatten(1)))))


def report(model, t, gold):
    model.eval()
    with torch.no_grad():
        probs = F.softmax(model(t), dim=1)
    hit = (probs > 0.5) == F.one_hot(gold, 10).bool()  # <- fault
    return hit.float().mean().item()  # <- fault


lenet = Lenetish()
opt = torch.optim.Adam(lenet.parameters(), lr=3e-3)
for epoch in range(7):
    lenet.train()
    for sel in torch.randperm(len(x)).split(50):
        opt.zero_grad()
        F.cross_entropy(lenet(x[sel]), y[sel]).backward()
        opt.step()
accuracy = report(lenet, x_t, y_t)
print("accuracy on 500 test images:", accuracy)
