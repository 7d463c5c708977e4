"""Scripts read, not run: each rule on a small source and on its healthy twin, and nothing breaks on any source."""

# ruff: noqa: E501 (one edit of a script is one line)
from __future__ import annotations

import ast
import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairtrial.doctor.catalogue import FAULTS
from fairtrial.doctor.findings import Diagnosis
from fairtrial.doctor.static.reading import RULES, diagnose_text, examine_source
from fairtrial.spec.errors import FairtrialError, UsageError

BANK = Path(__file__).parent.parent / "bank"
HEALTHY = sorted(p for p in [*BANK.glob("*/*.py"), *BANK.glob("source/*/*.py")] if not p.stem.endswith("_faulty"))

SCRIPT = """
import copy
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

x, y = torch.randn(500, 8), torch.randint(0, 3, (500,))
train = DataLoader(TensorDataset(x[:400], y[:400]), batch_size=32, shuffle=True)
valid = DataLoader(TensorDataset(x[400:], y[400:]), batch_size=32)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 16)
        self.norm = nn.BatchNorm1d(16)
        self.middle = nn.ModuleList([nn.Linear(16, 16) for _ in range(2)])
        self.drop = nn.Dropout(0.2)
        self.last = nn.Linear(16, 3)

    def forward(self, x):
        x = F.relu(self.norm(self.first(x)))
        for layer in self.middle:
            x = F.relu(layer(x))
        x = self.drop(x)
        return self.last(x)

model = Net()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=5)
best, highest = None, 0.0
for epoch in range(5):
    model.train()
    for xb, yb in train:
        optimizer.zero_grad()
        out = model(xb)
        loss = criterion(out, yb)
        loss.backward()
        optimizer.step()
    scheduler.step()
    model.eval()
    right = 0
    with torch.no_grad():
        for xb, yb in valid:
            right += (model(xb).argmax(dim=1) == yb).sum().item()
    accuracy = right / len(valid.dataset)
    if accuracy > highest:
        highest, best = accuracy, copy.deepcopy(model.state_dict())
model.load_state_dict(best)
"""

# The fault, what is replaced, by what: the first line that is new is where the finding belongs.
EDITS: list[tuple[str, str, str]] = [
    ("softmax-before-cross-entropy", "return self.last(x)", "return F.softmax(self.last(x), dim=1)"),
    ("softmax-before-cross-entropy", "criterion(out, yb)", "criterion(out.softmax(-1), yb)"),
    ("softmax-before-cross-entropy", "criterion(out, yb)", "criterion(nn.Softmax(dim=1)(out), yb)"),
    ("log-softmax-before-cross-entropy", "return self.last(x)", "return F.log_softmax(self.last(x), dim=1)"),
    ("sigmoid-before-cross-entropy", "return self.last(x)", "return torch.sigmoid(self.last(x))"),
    ("sigmoid-before-cross-entropy", "return self.last(x)", "return 1 / (1 + torch.exp(-self.last(x)))"),
    ("softmax-before-cross-entropy", "return self.last(x)", "x = torch.exp(self.last(x))|        x = self.drop(x)\n|        x = self.drop(x)\n        # ------\n|x = torch.exp(self.last(x))|x = torch.exp(self.last(x))\n        return x / x.sum(1, keepdim=True)"),
    ("activation-on-logits", "return self.last(x)", "return self.last(x).relu()"),
    ("nll-on-non-log-probabilities", "criterion(out, yb)", "F.nll_loss(out, yb)"),
    ("nll-on-non-log-probabilities", "criterion(out, yb)", "F.nll_loss(out.softmax(1), yb)"),
    ("bce-for-single-label", "criterion(out, yb)", "F.binary_cross_entropy_with_logits(out, F.one_hot(yb, 3).float())"),
    ("mse-for-classification", "criterion(out, yb)", "F.mse_loss(out, F.one_hot(yb, 3).float())"),
    ("wrong-class-axis", "criterion(out, yb)", "F.nll_loss(F.log_softmax(out, dim=0), yb)"),
    ("wrong-class-axis", "criterion(out, yb)", "F.nll_loss(out - out.logsumexp(0, keepdim=True), yb)"),
    ("nll-on-non-log-probabilities", "criterion(out, yb)", "F.nll_loss(F.logsigmoid(out), yb)"),
    ("sum-reduction", "criterion(out, yb)", "F.cross_entropy(out, yb, reduction='sum')"),
    ("inverted-class-weights", "criterion(out, yb)", "F.cross_entropy(out, yb, weight=y.bincount() / len(y))"),
    ("unstable-log", "criterion(out, yb)", "F.nll_loss(torch.log(out.softmax(1)), yb)"),
    ("ascending-loss", "loss = criterion", "loss = -criterion"),
    ("ascending-loss", "momentum=0.9)", "momentum=0.9, maximize=True)"),
    ("ascending-loss", "lr=0.1", "lr=-0.1"),
    ("graph-cut", "criterion(out, yb)", "criterion(out.detach(), yb)"),
    ("graph-cut", "        loss.backward()", "        loss = torch.tensor(loss.item(), requires_grad=True)\n        loss.backward()"),
    ("dropout-on-logits", "return self.last(x)", "return self.drop(self.last(x))"),
    ("missing-zero-grad", "        optimizer.zero_grad()\n", ""),
    ("no-gradient-at-step", "        optimizer.step()", "        optimizer.zero_grad()\n        optimizer.step()"),
    ("no-gradient-at-step", "best, highest = None, 0.0\n", "best, highest = None, 0.0\noptimizer.register_step_pre_hook(lambda o, args, kwargs: o.zero_grad())\n|        optimizer.step()\n|        optimizer.step()  # with its hook\n"),
    ("no-gradient-at-step", "        loss.backward()\n", ""),
    ("weights-not-updated", "        optimizer.step()\n", ""),
    ("weights-not-updated", "SGD(model.parameters(), lr=0.1, momentum=0.9)\nscheduler", "SGD(model.parameters(), lr=0)\nscheduler"),
    ("optimizer-of-another-model", "SGD(model.parameters()", "SGD(Net().parameters()"),
    ("parameters-missing-from-optimizer", "SGD(model.parameters()", "SGD(model.last.parameters()"),
    ("frozen-parameters", "criterion = nn", "model.first.requires_grad = False\ncriterion = nn"),
    ("frozen-parameters", "criterion = nn", "for p in model.parameters(): p.requires_grad = False\ncriterion = nn"),
    ("optimizer-recreated", "    model.train()", "    optimizer = torch.optim.Adam(model.parameters())\n    model.train()"),
    ("schedule-too-fast", "    scheduler.step()", "        scheduler.step()"),
    ("over-regularised", "momentum=0.9)", "momentum=0.9, weight_decay=0.5)"),
    ("clipping-too-tight", "optimizer.step()\n", "optimizer.step()\n        nn.utils.clip_grad_norm_(model.parameters(), 1)\n"),
    ("extreme-optimizer-settings", "momentum=0.9)", "momentum=1.0)"),
    ("lr-too-low", "SGD(model.parameters(), lr=0.1, momentum=0.9)\nscheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=5)", "SGD(model.parameters(), lr=1e-7)\nscheduler = optimizer"),
    ("constant-init", "criterion = nn", "nn.init.zeros_(model.first.weight)\ncriterion = nn"),
    ("no-nonlinearity", "x = F.relu(self.norm(self.first(x)))\n        for layer in self.middle:\n            x = F.relu(layer(x))", "x = self.norm(self.first(x))\n        for layer in self.middle:\n            x = layer(x)"),
    ("saturating-hidden-activation", "x = F.relu(layer(x))", "x = F.softmax(layer(x), 1)"),
    ("dropout-too-strong", "nn.Dropout(0.2)", "nn.Dropout(0.95)"),
    ("stale-batchnorm", "nn.BatchNorm1d(16)", "nn.BatchNorm1d(16, momentum=0.0)"),
    ("stale-batchnorm", "nn.BatchNorm1d(16)", "nn.BatchNorm1d(16, momentum=0.001)"),
    ("unregistered-submodule", "nn.ModuleList([nn.Linear(16, 16) for _ in range(2)])", "[nn.Linear(16, 16) for _ in range(2)]"),
    ("unused-or-repeated-layer", "nn.ModuleList([nn.Linear(16, 16) for _ in range(2)])", "nn.ModuleList([nn.Linear(16, 16)] * 2)"),
    ("unused-or-repeated-layer", "        self.last", "        self.idle = nn.Linear(3, 3)\n        self.last"),
    ("unused-or-repeated-layer", "        x = self.drop(x)\n", "        x = self.drop(x)\n        seen = self.other(x)\n|        self.last = |        self.other = nn.Linear(16, 16)\n        self.last = "),
    ("cross-sample-mixing", "        x = F.relu(self.norm(self.first(x)))\n", "        _, state = self.cells(x[:, :, None])\n        x = state.reshape(len(x), -1)\n|        self.last = |        self.cells = nn.GRU(1, 8, batch_first=True, bidirectional=True)\n        self.last = "),
    ("split-leakage", "x[:400], y[:400]", "x[rows[:400]], y[rows[:400]]|x[400:], y[400:]|x[rows[400:]], y[rows[400:]]|x, y = |import numpy as np\nrows = np.random.choice(500, 500)\nx, y = "),
    ("labels-misaligned", "train = DataLoader", "import numpy as np\nnp.random.seed(0)\nnp.random.shuffle(x)\nnp.random.shuffle(y)\ntrain = DataLoader"),
    ("class-map-mismatch", "x, y = torch.randn(500, 8), torch.randint(0, 3, (500,))", "import numpy as np\nx, names = torch.randn(500, 8), np.random.choice(['a', 'b', 'c'], 500)\ny = torch.from_numpy(np.unique(names[:400], return_inverse=True)[1])\nother = torch.from_numpy(np.unique(names[400:], return_inverse=True)[1])\n|y[:400]|y|y[400:]|other"),
    ("evaluation-in-train-mode", "    model.eval()\n", ""),
    ("evaluation-in-train-mode", "    model.eval()\n    right = 0\n    with torch.no_grad():\n        for", "    right = 0\n    with looking(model):\n        for|model = Net()|import contextlib\n@contextlib.contextmanager\ndef looking(net):\n    with torch.no_grad():\n        yield net\n\nmodel = Net()|model(xb).argmax(dim=1)|model(xb).argmax(1)"),
    ("evaluation-in-train-mode", "x = self.drop(x)", "x = F.dropout(x, 0.2)"),
    ("evaluation-in-train-mode", "    model.eval()\n    right = 0\n    with torch.no_grad():\n", "    right = 0\n    with Looking(model), torch.no_grad():\n|model = Net()|class Looking:\n    def __init__(self, net): self.net = net\n    def __enter__(self): return self.net\n    def __exit__(self, *why): self.net.train()\n\nmodel = Net()|model(xb).argmax(dim=1)|model(xb).argmax(1)"),
    ("training-in-eval-mode", "    model.train()\n", ""),
    ("best-state-alias", "copy.deepcopy(model.state_dict())", "model.state_dict()"),
    ("best-state-alias", "copy.deepcopy(model.state_dict())", "{k: v for k, v in model.state_dict().items()}"),
    ("repeated-batch", "shuffle=True", "shuffle=False|for xb, yb in train:|for _ in range(12):\n        xb, yb = next(iter(train))"),
    ("unshuffled-training", "torch.randint(0, 3, (500,))", "torch.arange(2).repeat_interleave(250)|shuffle=True|shuffle=False"),
    ("wrong-accuracy", "right / len(valid.dataset)", "right / (len(valid) * 32)"),
    ("wrong-accuracy", "right / len(valid.dataset)", "right / len(valid)"),
    ("wrong-accuracy", "argmax(dim=1)", "argmax(dim=0)"),
    ("wrong-accuracy", "(model(xb).argmax(dim=1) == yb)", "(model(xb).argmax(dim=1) == yb.view(-1, 1))"),
    ("ascending-loss", "criterion(out, yb)", "(F.log_softmax(out, 1).gather(1, yb[:, None]) * torch.ones(32, 1)).mean()"),
    ("fp16-underflow", "        out = model(xb)\n", "        with torch.autocast('cuda', dtype=torch.float16):\n            out = model(xb)\n"),
]  # fmt: skip

# What must stay silent, in the same script.
TRAPS: list[tuple[str, str, str]] = [
    ("gradients are accumulated", "        optimizer.zero_grad()\n", ""),
    ("both sides shuffled from one seed", "train = DataLoader", "import numpy as np\nnp.random.seed(0)\nnp.random.shuffle(x)\nnp.random.seed(0)\nnp.random.shuffle(y)\ntrain = DataLoader"),
    ("label smoothing", "nn.CrossEntropyLoss()", "nn.CrossEntropyLoss(label_smoothing=0.1)"),
    ("temperature", "criterion(out, yb)", "criterion(out / 2.0, yb)"),
    ("a shortcut", "x = F.relu(layer(x))", "x = x + F.relu(layer(x))"),
    ("a last layer that starts at zero", "criterion = nn", "nn.init.zeros_(model.last.weight)\ncriterion = nn"),
    ("a frozen stem", "criterion = nn", "model.first.requires_grad_(False)\ncriterion = nn"),
    ("probabilities for show", "    accuracy = right", "    with torch.no_grad(): print(model(x[400:]).softmax(1)[0])\n    accuracy = right"),
    ("distillation", "criterion(out, yb)", "F.kl_div(F.log_softmax(out, 1), F.softmax(out.detach(), 1)) + criterion(out, yb)"),
    ("an entropy", "criterion(out, yb)", "criterion(out, yb) + 0.01 * (out.softmax(1) * (out.softmax(1) + 1e-8).log()).sum()"),
    ("the state is saved", "        highest, best", "        torch.save(model.state_dict(), 'best.pt')\n        highest, best"),
    ("a schedule per batch, counted so", "T_max=5)", "T_max=5 * len(train))"),
    ("slow statistics, many steps", "nn.BatchNorm1d(16)", "nn.BatchNorm1d(16, momentum=0.001)|range(5)|range(500)"),
    ("features of a net that no optimizer has", "criterion = nn", "trunk = nn.Linear(8, 8)\ncriterion = nn|model(xb)\n|model(trunk(xb).detach())\n"),
    ("a schedule of the script's own", "SGD(model.parameters(), lr=0.1", "SGD(model.parameters(), lr=1e-7|torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=5)|Own(optimizer)|model = Net()|class Own(torch.optim.lr_scheduler.LRScheduler):\n    def get_lr(self): return [1e-7 * 10 ** self.last_epoch]\n\nmodel = Net()"),
    ("a copy of the data without augmentation", "valid = DataLoader(TensorDataset(x[400:], y[400:]), batch_size=32)", "from torchvision import datasets, transforms\ntrain, valid = torch.utils.data.random_split(datasets.MNIST('.', transform=transforms.RandomCrop(28)), [50000, 10000])\nvalid = copy.deepcopy(valid)\nvalid.dataset.transform = transforms.ToTensor()\ntrain, valid = DataLoader(train, 32, shuffle=True), DataLoader(valid, 32)"),
    ("one layer alone", "model = Net()", "model = nn.Linear(8, 3)|SGD(model.parameters(), lr=0.1, momentum=0.9)|Adam(model.parameters(), lr=5, weight_decay=0.5)|torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=5)|optimizer"),
    ("gradients cleared by hand", "        optimizer.zero_grad()\n", "        for p in model.parameters(): p.grad.data.zero_()\n|optimizer.step()|for p in model.parameters(): p.data -= 0.1 * p.grad|scheduler.step()|pass"),
    ("attention over time, time first", "return self.last(x)", "x = x.view(-1, 4, 16).permute(1, 0, 2)\n        return self.last((x * F.softmax(self.middle[0](x), dim=0)).sum(0))"),
    ("an optimizer that clears by itself", "        optimizer.zero_grad()\n", "|best, highest|optimizer.register_step_post_hook(lambda o, args, kwargs: o.zero_grad())\nbest, highest"),
    ("a mode that is put back", "    model.eval()\n    right = 0\n    with torch.no_grad():\n        for", "    right = 0\n    with looking(model):\n        for|model = Net()|import contextlib\n@contextlib.contextmanager\ndef looking(net):\n    before = net.training\n    net.eval()\n    with torch.no_grad():\n        yield net\n    net.train(before)\n\nmodel = Net()|    model.train()\n|    # as it was\n"),
    ("stages of a training", "for epoch in range(5):", "def stage(rate):\n  optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)\n  for _ in range(3):\n    for xb, yb in train:\n        optimizer.zero_grad()\n        criterion(model(xb), yb).backward()\n        optimizer.step()\nfor rate in (0.1, 0.01): stage(rate)\nfor epoch in range(5):"),
    ("a list that is mixed", "best, highest", "import random\nrows = []\nfor c in range(3): rows += [c] * 40\nwhole = torch.tensor(rows)\ndef batches():\n    deck = list(range(120))\n    random.shuffle(deck)\n    while deck:\n        hand, deck = deck[:20], deck[20:]\n        yield hand\nfor hand in batches():\n    optimizer.zero_grad()\n    criterion(model(x[hand]), whole[hand]).backward()\n    optimizer.step()\nbest, highest"),
    ("dropout of nothing", "return self.last(x)", "return F.dropout(self.last(x), 0.0, self.training)"),
    ("two nets that play", "best, highest", "maker, judge = nn.Linear(4, 8), nn.Linear(8, 1)\none, other = torch.optim.Adam(maker.parameters()), torch.optim.Adam(judge.parameters())\nfor xb, _ in train:\n    made = maker(torch.randn(len(xb), 4))\n    one.zero_grad()\n    F.binary_cross_entropy_with_logits(judge(made), torch.ones(len(xb), 1)).backward()\n    one.step()\n    other.zero_grad()\n    F.binary_cross_entropy_with_logits(judge(made.detach()), torch.zeros(len(xb), 1)).backward()\n    other.step()\nbest, highest"),
    ("a warm-up that goes on", "        optimizer.zero_grad()\n        out = model(xb)\n        loss = criterion(out, yb)\n", "        optimizer.zero_grad()\n        out = model(xb)\n        loss = criterion(out, yb)\n        if epoch < 2:\n            loss.backward()\n            optimizer.step()\n            continue\n"),
    ("an optimizer that a library wraps", "scheduler =", "optimizer = wrap(optimizer)\nscheduler ="),
]  # fmt: skip


# Healthy ways of writing, each after these lines: what a rule must not take for a fault.
BEFORE = """
import copy, math, random
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset, Subset, random_split
x, y = torch.randn(500, 8), torch.randint(0, 3, (500,))
ds = TensorDataset(x, y)
train = DataLoader(TensorDataset(x[:400], y[:400]), batch_size=32, shuffle=True)
valid = DataLoader(TensorDataset(x[400:], y[400:]), batch_size=32)
def mlp(): return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
def fit(model):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(5):
        model.train()
        for xb, yb in train:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
"""

WAYS = """
### attention pool squeeze
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(50, 16); self.rnn = nn.GRU(16, 16, batch_first=True)
        self.score = nn.Linear(16, 1); self.out = nn.Linear(16, 3)
    def forward(self, t):
        h, _ = self.rnn(self.emb(t))
        w = torch.softmax(self.score(h).squeeze(-1), dim=-1)
        return self.out((w.unsqueeze(-1) * h).sum(1))
fit(Net())
### focal bce onehot
model = mlp(); opt = torch.optim.SGD(model.parameters(), lr=.1)
for e in range(5):
    for xb, yb in train:
        out = model(xb); hot = F.one_hot(yb, 3).float()
        ce = F.binary_cross_entropy_with_logits(out, hot, reduction="none")
        p = torch.sigmoid(out); pt = p * hot + (1 - p) * (1 - hot)
        loss = ((1 - pt) ** 2 * ce).mean()
        opt.zero_grad(); loss.backward(); opt.step()
### multihot scatter
model = mlp(); opt = torch.optim.SGD(model.parameters(), lr=.1)
tags = torch.randint(0, 3, (500, 2))
hot = torch.zeros(500, 3).scatter_(1, tags, 1.0)
for e in range(5):
    for i in torch.randperm(400).split(32):
        loss = F.binary_cross_entropy_with_logits(model(x[i]), hot[i])
        opt.zero_grad(); loss.backward(); opt.step()
### label binarizer two
from sklearn.preprocessing import LabelBinarizer
t = torch.tensor(LabelBinarizer().fit_transform((y > 0).numpy())).float()
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1)); opt = torch.optim.Adam(model.parameters())
for e in range(5):
    for i in torch.randperm(400).split(32):
        loss = F.binary_cross_entropy_with_logits(model(x[i]), t[i])
        opt.zero_grad(); loss.backward(); opt.step()
### odd even inplace
from sklearn.datasets import load_digits
d = load_digits(); X = torch.tensor(d.data / 16).float(); t = torch.tensor(d.target)
t.remainder_(2)
model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 2)); opt = torch.optim.Adam(model.parameters())
for e in range(5):
    for i in torch.randperm(1500).split(32):
        loss = F.cross_entropy(model(X[i]), t[i])
        opt.zero_grad(); loss.backward(); opt.step()
### merged classes set
from sklearn.datasets import load_digits
d = load_digits(); X = torch.tensor(d.data / 16).float(); t = d.target.copy()
t[t >= 5] -= 5
t = torch.tensor(t)
model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 5)); opt = torch.optim.Adam(model.parameters())
for e in range(5):
    for i in torch.randperm(1500).split(32):
        loss = F.cross_entropy(model(X[i]), t[i])
        opt.zero_grad(); loss.backward(); opt.step()
### listwise ranking
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1)); opt = torch.optim.Adam(model.parameters())
rel = torch.softmax(torch.rand(500), 0)
for e in range(5):
    for xb, yb in train:
        s = model(xb).squeeze(-1)
        loss = -(F.softmax(yb.float(), 0) * F.log_softmax(s, dim=0)).sum()
        opt.zero_grad(); loss.backward(); opt.step()
### mil batchnorm
class MIL(nn.Module):
    def __init__(self):
        super().__init__(); self.f = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU()); self.c = nn.Linear(16, 2)
    def forward(self, bag):
        return self.c(self.f(bag.squeeze(0)).mean(0, keepdim=True))
model = MIL(); opt = torch.optim.Adam(model.parameters())
bags = DataLoader(TensorDataset(torch.randn(60, 12, 8), torch.randint(0, 2, (60,))), batch_size=1, shuffle=True)
for e in range(5):
    for bag, t in bags:
        loss = F.cross_entropy(model(bag), t)
        opt.zero_grad(); loss.backward(); opt.step()
### sum reduction small lr
model = mlp(); opt = torch.optim.SGD(model.parameters(), lr=1e-3)
crit = nn.CrossEntropyLoss(reduction="sum")
for e in range(5):
    for xb, yb in train:
        loss = crit(model(xb), yb)
        opt.zero_grad(); loss.backward(); opt.step()
### pytorch tutorial nn sum
N, D_in, H, D_out = 64, 1000, 100, 10
xx, yy = torch.randn(N, D_in), torch.randn(N, D_out)
model = nn.Sequential(nn.Linear(D_in, H), nn.ReLU(), nn.Linear(H, D_out)); loss_fn = nn.MSELoss(reduction='sum')
optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
for t in range(500):
    loss = loss_fn(model(xx), yy)
    optimizer.zero_grad(); loss.backward(); optimizer.step()
### pgd training
def pgd(model, xb, yb):
    adv = xb.clone()
    for _ in range(5):
        adv.requires_grad_(True)
        loss = F.cross_entropy(model(adv), yb)
        loss.backward()
        with torch.no_grad():
            adv += 0.01 * adv.grad.sign()
        adv = adv.detach()
    return adv
model = mlp(); opt = torch.optim.SGD(model.parameters(), lr=.1)
for e in range(5):
    for xb, yb in train:
        adv = pgd(model, xb, yb)
        opt.zero_grad(); F.cross_entropy(model(adv), yb).backward(); opt.step()
### pgd l2 add grad
net = mlp(); fit(net)
img = x[:1].clone().requires_grad_(True)
for _ in range(20):
    loss = F.cross_entropy(net(img), y[:1]); loss.backward()
    img.data += 0.1 * img.grad
    img.grad.zero_()
### frozen model image opt
net = mlp(); net.load_state_dict(torch.load("n.pt")); net.requires_grad_(False)
img = torch.zeros(1, 8, requires_grad=True); opt = torch.optim.Adam([img], lr=1.0)
for _ in range(20):
    opt.zero_grad(); loss = F.cross_entropy(net(img), y[:1]); loss.backward(); opt.step()
### prompt tuning
class P(nn.Module):
    def __init__(self, base):
        super().__init__(); self.prompt = nn.Parameter(torch.zeros(8)); self.base = base
    def forward(self, x): return self.base(x + self.prompt)
base = mlp(); model = P(base); model.requires_grad_(False); model.prompt.requires_grad_(True)
opt = torch.optim.Adam([model.prompt], lr=1e-2)
for xb, yb in train:
    opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
### reinforce neg adv
class Policy(nn.Module):
    def __init__(self):
        super().__init__(); self.f = nn.Linear(4, 32); self.g = nn.Linear(32, 2)
    def forward(self, s): return F.log_softmax(self.g(F.relu(self.f(s))), dim=-1)
pi = Policy(); opt = torch.optim.Adam(pi.parameters(), lr=1e-2)
for ep in range(100):
    s, a, cost = rollout(pi)
    logp = pi(s).gather(1, a.unsqueeze(1)).squeeze(1)
    loss = (logp * (cost - cost.mean())).mean()
    opt.zero_grad(); loss.backward(); opt.step()
### dqn swapped
q, target = mlp(), mlp(); target.load_state_dict(q.state_dict()); opt = torch.optim.Adam(q.parameters(), lr=1e-3)
for step in range(1000):
    s, a, r, s2, done = sample()
    want = r + 0.99 * target(s2).max(1)[0].detach()
    got = q(s).gather(1, a).squeeze(1)
    loss = F.smooth_l1_loss(want.detach(), got)
    opt.zero_grad(); loss.backward(); opt.step()
    if step % 100 == 0: target.load_state_dict(q.state_dict())
### distill swapped
teacher, student = mlp(), mlp(); teacher.load_state_dict(torch.load("t.pt")); teacher.eval()
opt = torch.optim.Adam(student.parameters(), lr=1e-3)
for e in range(5):
    for xb, yb in train:
        with torch.no_grad(): t = teacher(xb)
        loss = F.mse_loss(t, student(xb))
        opt.zero_grad(); loss.backward(); opt.step()
### rho loss weights
ref, model = mlp(), mlp(); fit(ref); opt = torch.optim.Adam(model.parameters(), lr=1e-3)
for e in range(5):
    for xb, yb in train:
        with torch.no_grad(): w = torch.exp(-F.cross_entropy(ref(xb), yb, reduction="none"))
        loss = (w * F.cross_entropy(model(xb), yb, reduction="none")).mean()
        opt.zero_grad(); loss.backward(); opt.step()
### gan log
G = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8)); D = nn.Sequential(nn.Linear(8, 16), nn.LeakyReLU(.2), nn.Linear(16, 1), nn.Sigmoid())
og, od = torch.optim.Adam(G.parameters(), 2e-4), torch.optim.Adam(D.parameters(), 2e-4)
for e in range(5):
    for xb, _ in train:
        fake = G(torch.randn(len(xb), 4))
        ld = -(torch.log(D(xb) + 1e-8) + torch.log(1 - D(fake.detach()) + 1e-8)).mean()
        od.zero_grad(); ld.backward(); od.step()
        lg = -torch.log(D(fake) + 1e-8).mean()
        og.zero_grad(); lg.backward(); og.step()
### dp sgd
model = mlp(); opt = torch.optim.SGD(model.parameters(), lr=.1)
for e in range(5):
    for xb, yb in train:
        total = [torch.zeros_like(p) for p in model.parameters()]
        for i in range(len(xb)):
            model.zero_grad()
            F.cross_entropy(model(xb[i:i + 1]), yb[i:i + 1]).backward()
            for t, p in zip(total, model.parameters()): t += p.grad
        opt.zero_grad()
        for p, t in zip(model.parameters(), total): p.grad = t / len(xb) + 0.1 * torch.randn_like(t)
        opt.step()
### func grad
from torch.func import functional_call, grad
model = mlp(); opt = torch.optim.SGD(model.parameters(), lr=.1)
def f(params, xb, yb): return F.cross_entropy(functional_call(model, params, (xb,)), yb)
for e in range(5):
    for xb, yb in train:
        g = grad(f)(dict(model.named_parameters()), xb, yb)
        for n, p in model.named_parameters(): p.grad = g[n]
        opt.step()
### args lr zero
import argparse
ap = argparse.ArgumentParser(); ap.add_argument("--lr", type=float, default=0.0); args = ap.parse_args()
if args.lr == 0: args.lr = 0.1
model = mlp(); opt = torch.optim.SGD(model.parameters(), lr=args.lr)
for xb, yb in train:
    opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
### groups lr zero
model = mlp()
opt = torch.optim.Adam([{"params": model[0].parameters(), "lr": 1e-3}, {"params": model[2].parameters(), "lr": 1e-2}], lr=0.0, eps=1e-15)
for xb, yb in train:
    opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
### lr stages recreated
model = mlp()
for lr in (0.1, 0.01, 0.001):
    opt = torch.optim.SGD(model.parameters(), lr=lr, momentum=.9)
    for xb, yb in train:
        opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
### active learning rounds
model = mlp(); lab = torch.arange(50)
for rnd in range(5):
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(100):
        opt.zero_grad(); F.cross_entropy(model(x[lab]), y[lab]).backward(); opt.step()
    with torch.no_grad(): p = model(x).softmax(1)
    lab = torch.cat([lab, p.max(1).values.argsort()[:20]])
### continual tasks
model = mlp(); tasks = [DataLoader(TensorDataset(x[i:i+100], y[i:i+100]), 10, shuffle=True) for i in (0, 100, 200)]
for task in tasks:
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    for xb, yb in task:
        opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
### rl schedule
q = mlp(); opt = torch.optim.Adam(q.parameters(), lr=1e-3); sched = torch.optim.lr_scheduler.StepLR(opt, step_size=100, gamma=0.99)
for episode in range(1000):
    s = env.reset()
    for t in range(200):
        out = q(s)
        loss = F.mse_loss(out, target_of(s))
        opt.zero_grad(); loss.backward(); opt.step(); sched.step()
### saliency bn
model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3)); fit(model)
model.eval()
one = x[:1].clone().requires_grad_(True)
model(one).max().backward()
print(one.grad.abs())
### l2 penalty over n
model = mlp(); opt = torch.optim.Adam(model.parameters()); lam = 1.0
for xb, yb in train:
    l2 = sum(p.pow(2).sum() for p in model.parameters())
    loss = F.cross_entropy(model(xb), yb) + lam * l2 / (2 * 40000)
    opt.zero_grad(); loss.backward(); opt.step()
### clip between two steps
enc, dec = nn.Sequential(nn.Linear(8, 4), nn.ReLU()), nn.Linear(4, 3)
oe, od = torch.optim.SGD(enc.parameters(), .1), torch.optim.SGD(dec.parameters(), .1)
for xb, yb in train:
    oe.zero_grad(); od.zero_grad(); F.cross_entropy(dec(enc(xb)), yb).backward()
    oe.step()
    nn.utils.clip_grad_norm_(dec.parameters(), 1.0)
    od.step()
### autocast eval only
model = mlp(); fit(model)
model.eval()
with torch.no_grad(), torch.autocast("cuda", dtype=torch.float16):
    acc = (model(x[400:]).argmax(1) == y[400:]).float().mean()
### zero last by shape
def init(m):
    if isinstance(m, nn.Linear):
        if m.out_features == 3: nn.init.zeros_(m.weight)
        else: nn.init.kaiming_normal_(m.weight)
model = mlp(); model.apply(init); fit(model)
### zero gate
class G(nn.Module):
    def __init__(self):
        super().__init__(); self.a = nn.Linear(8, 16); self.gate = nn.Linear(8, 16); self.out = nn.Linear(16, 3)
        nn.init.zeros_(self.gate.weight); nn.init.constant_(self.gate.bias, -4.0)
    def forward(self, x): return self.out(F.relu(self.a(x)) * torch.sigmoid(self.gate(x)))
fit(G())
### partial conv ones
class PC(nn.Module):
    def __init__(self):
        super().__init__(); self.c = nn.Conv2d(1, 4, 3, padding=1); self.f = nn.Linear(4 * 64, 3)
        self.register_buffer("ones", torch.ones(1, 1, 3, 3))
    def forward(self, x):
        m = F.conv2d(x, torch.ones(1, 1, 3, 3), padding=1)
        return self.f(F.relu(self.c(m)).flatten(1))
fit(PC())
### fourier features
class FF(nn.Module):
    def __init__(self):
        super().__init__(); self.proj = nn.Linear(2, 128); nn.init.normal_(self.proj.weight, std=10.0); self.out = nn.Linear(128, 3)
        self.proj.requires_grad_(False)
    def forward(self, x): return self.out(torch.sin(self.proj(x)))
fit(FF())
### inplace relu statement
class N(nn.Module):
    def __init__(self):
        super().__init__(); self.a = nn.Linear(8, 32); self.b = nn.Linear(32, 3)
    def forward(self, x):
        h = self.a(x)
        F.relu(h, inplace=True)
        return self.b(h)
fit(N())
### two linears after unknown
import timm
class N(nn.Module):
    def __init__(self):
        super().__init__(); self.body = timm.create_model("resnet18", num_classes=0); self.proj = nn.Linear(512, 64); self.fc = nn.Linear(64, 3)
    def forward(self, x): return self.fc(self.proj(self.body(x)))
fit(N())
### intermediate ctc
class N(nn.Module):
    def __init__(self):
        super().__init__(); self.a = nn.Linear(8, 16); self.out = nn.Linear(16, 3); self.back = nn.Linear(3, 16); self.b = nn.Linear(16, 16)
    def forward(self, x):
        h = F.relu(self.a(x)); p = F.softmax(self.out(h), -1)
        h = h + self.back(p)
        return self.out(F.relu(self.b(h)))
fit(N())
### bn warmup pass
model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16, momentum=0.01), nn.ReLU(), nn.Linear(16, 3)); opt = torch.optim.SGD(model.parameters(), .1)
for _ in range(3): model(x[:32]).sum().backward()
step = 0
while step < 5000:
    for xb, yb in train:
        opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step(); step += 1
### time major rnn
class R(nn.Module):
    def __init__(self):
        super().__init__(); self.rnn = nn.LSTM(8, 16); self.out = nn.Linear(16 * 5, 3)
    def forward(self, x):
        h, _ = self.rnn(x.permute(1, 0, 2))
        return self.out(h.permute(1, 0, 2).reshape(len(x), -1))
fit(R())
### collate time major
from torch.nn.utils.rnn import pad_sequence
def collate(batch): return pad_sequence([b[0] for b in batch]), torch.tensor([b[1] for b in batch])
loader = DataLoader(TensorDataset(torch.randn(100, 7, 8), torch.randint(0, 3, (100,))), batch_size=16, shuffle=True, collate_fn=collate)
class R(nn.Module):
    def __init__(self):
        super().__init__(); self.rnn = nn.LSTM(8, 16); self.out = nn.Linear(16, 3)
    def forward(self, x):
        h, _ = self.rnn(x)
        return self.out(h[-1])
model = R(); opt = torch.optim.Adam(model.parameters())
for xb, yb in loader:
    opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
### teacher in list
class S(nn.Module):
    def __init__(self, teacher):
        super().__init__(); self.net = mlp(); self._teacher = [teacher]
    def forward(self, x):
        with torch.no_grad(): t = self._teacher[0](x)
        return self.net(x), t
model = S(mlp()); opt = torch.optim.Adam(model.parameters())
for xb, yb in train:
    s, t = model(xb)
    loss = F.cross_entropy(s, yb) + F.mse_loss(s, t)
    opt.zero_grad(); loss.backward(); opt.step()
### list with own params
import itertools
class S(nn.Module):
    def __init__(self):
        super().__init__(); self.layers = [nn.Linear(8, 16), nn.Linear(16, 3)]
    def forward(self, x): return self.layers[1](F.relu(self.layers[0](x)))
model = S(); opt = torch.optim.Adam(itertools.chain(*(l.parameters() for l in model.layers)))
for xb, yb in train:
    opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
### hook features
class S(nn.Module):
    def __init__(self):
        super().__init__(); self.body = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16)); self.head = nn.Linear(16, 3); self.got = {}
        self.body[1].register_forward_hook(lambda m, i, o: self.got.update(f=o))
    def forward(self, x):
        _ = self.body(x)
        return self.head(self.got["f"])
fit(S())
### two heads slices
a, b = torch.randint(0, 3, (500,)), torch.randint(0, 5, (500,))
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 8)); opt = torch.optim.Adam(model.parameters())
for i in torch.randperm(400).split(32):
    out = model(x[i]); loss = F.cross_entropy(out[:, :3], a[i]) + F.cross_entropy(out[:, 3:], b[i])
    opt.zero_grad(); loss.backward(); opt.step()
### multi choice
t = torch.randint(0, 4, (500,)); xs = torch.randn(500, 4, 8)
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1)); opt = torch.optim.Adam(model.parameters())
for i in torch.randperm(400).split(32):
    loss = F.cross_entropy(model(xs[i]).squeeze(-1), t[i])
    opt.zero_grad(); loss.backward(); opt.step()
### covtype
from sklearn.datasets import fetch_covtype
X, t = fetch_covtype(return_X_y=True); t = torch.tensor(t - 1)
model = nn.Sequential(nn.Linear(54, 32), nn.ReLU(), nn.Linear(32, 7)); opt = torch.optim.Adam(model.parameters())
for i in torch.randperm(400).split(32):
    loss = F.cross_entropy(model(X[i]), t[i])
    opt.zero_grad(); loss.backward(); opt.step()
### padding class
t = torch.randint(1, 5, (500, 6))
model = nn.Sequential(nn.Embedding(9, 8), nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 5)); opt = torch.optim.Adam(model.parameters())
crit = nn.CrossEntropyLoss(ignore_index=0)
for i in torch.randperm(400).split(32):
    loss = crit(model(tok[i]).transpose(1, 2), t[i])
    opt.zero_grad(); loss.backward(); opt.step()
### context class eval
class Evaluating:
    def __init__(self, m): self.m = m
    def __enter__(self): self.was = self.m.training; self.m.eval()
    def __exit__(self, *a): self.m.train(self.was)
model = nn.Sequential(nn.Linear(8, 16), nn.Dropout(.5), nn.ReLU(), nn.Linear(16, 3)); opt = torch.optim.Adam(model.parameters())
for e in range(5):
    for xb, yb in train:
        opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
    with Evaluating(model), torch.no_grad():
        acc = (model(x[400:]).argmax(1) == y[400:]).float().mean().item()
### mc dropout never eval
model = nn.Sequential(nn.Linear(8, 16), nn.Dropout(.5), nn.ReLU(), nn.Linear(16, 3)); opt = torch.optim.Adam(model.parameters())
for e in range(5):
    for xb, yb in train:
        opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
with torch.no_grad():
    p = torch.stack([model(x[400:]).softmax(1) for _ in range(30)]).mean(0)
acc = (p.argmax(1) == y[400:]).float().mean()
### best break
model = mlp(); opt = torch.optim.Adam(model.parameters()); best = None
for e in range(50):
    for xb, yb in train:
        opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
    acc = (model(x[400:]).argmax(1) == y[400:]).float().mean()
    if acc > 0.9:
        best = model.state_dict()
        break
torch.save(best, "m.pt")
### best of restarts
best, top = None, 0
for s in range(5):
    torch.manual_seed(s); model = mlp(); opt = torch.optim.Adam(model.parameters())
    for xb, yb in train:
        opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
    acc = (model(x[400:]).argmax(1) == y[400:]).float().mean().item()
    if acc > top: top, best = acc, model.state_dict()
final = mlp(); final.load_state_dict(best)
### latest name
model = mlp(); opt = torch.optim.Adam(model.parameters()); best = 0
for e in range(50):
    for xb, yb in train:
        opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
    latest = (model(x[400:]).argmax(1) == y[400:]).float().mean()  # validation, the test part comes later
    if latest > best: best = latest; keep = copy.deepcopy(model.state_dict())
model.load_state_dict(keep)
### monitor test
model = mlp(); opt = torch.optim.Adam(model.parameters())
for e in range(50):
    for xb, yb in train:
        opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
    test_acc = (model(x[400:]).argmax(1) == y[400:]).float().mean()
    if test_acc < 0.5: print("still poor")
### same seed configs
for trial, (lr, width) in enumerate([(1e-2, 16), (1e-3, 32), (1e-1, 64)]):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 3)); opt = torch.optim.Adam(model.parameters(), lr=lr)
    for xb, yb in train:
        opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
### repeat same split
for repeat in range(5):
    np.random.seed(42); idx = np.random.permutation(500)
    model = mlp(); opt = torch.optim.Adam(model.parameters())
    for i in range(0, 400, 32):
        b = idx[i:i + 32]
        opt.zero_grad(); F.cross_entropy(model(x[b]), y[b]).backward(); opt.step()
### data seed study
def run(data_seed):
    torch.manual_seed(0); model = mlp(); opt = torch.optim.Adam(model.parameters())
    g = torch.Generator().manual_seed(data_seed)
    for xb, yb in DataLoader(TensorDataset(x, y), 32, shuffle=True, generator=g):
        opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
for s in range(5): run(data_seed=s)
### iterable next
class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        while True:
            i = random.randrange(400); yield x[i], y[i]
loader = DataLoader(Stream(), batch_size=32); model = mlp(); opt = torch.optim.Adam(model.parameters())
for step in range(500):
    xb, yb = next(iter(loader))
    opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
### overfit one batch
model = mlp(); opt = torch.optim.Adam(model.parameters()); xb, yb = next(iter(train))
for step in range(200):
    opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
print("fits one batch:", (model(xb).argmax(1) == yb).float().mean())
### queue batches
model = mlp(); opt = torch.optim.Adam(model.parameters())
for e in range(5):
    p = torch.randperm(400); rest, ry = x[p], y[p]
    for _ in range(0, 400, 32):
        xb, rest = rest[:32], rest[32:]; yb, ry = ry[:32], ry[32:]
        opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
### bucket by length
lengths = torch.randint(3, 20, (500,)); order = torch.argsort(lengths)
model = mlp(); opt = torch.optim.Adam(model.parameters())
loader = DataLoader(TensorDataset(x[order], y[order]), batch_size=32)
for e in range(5):
    for xb, yb in loader:
        opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
### siamese pairs
class Pairs(Dataset):
    def __init__(self, x, y): self.x, self.y = x, y
    def __len__(self): return len(self.x)
    def __getitem__(self, i):
        j = int(np.random.randint(len(self.x)))
        return torch.cat([self.x[i], self.x[j]]), (self.y[i] == self.y[j]).long()
tr, va = random_split(Pairs(x, y), [400, 100])
model = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2)); opt = torch.optim.Adam(model.parameters())
for xb, yb in DataLoader(tr, 32, shuffle=True):
    opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
with torch.no_grad(): acc = sum((model(a).argmax(1) == b).sum().item() for a, b in DataLoader(va, 32)) / len(va)
### corruption robustness
model = mlp(); fit(model); model.eval()
for s in (1.0, 0.5):
    with torch.no_grad(): acc = (model(x[400:] * s).argmax(1) == y[400:]).float().mean()
with torch.no_grad():
    clean = (model(x[400:]).argmax(1) == y[400:]).float().mean()
    dark = (model(x[400:] * 0.5).argmax(1) == y[400:]).float().mean()
### folds by range
for tr, va in ((range(0, 400), range(400, 500)), (range(100, 500), range(0, 100))):
    model = mlp(); opt = torch.optim.Adam(model.parameters())
    for xb, yb in DataLoader(Subset(ds, tr), 32, shuffle=True):
        opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
    print(sum((model(a).argmax(1) == b).sum().item() for a, b in DataLoader(Subset(ds, va), 32)) / 100)
### pretrain all then classify
enc = nn.Sequential(nn.Linear(8, 4), nn.ReLU()); dec = nn.Linear(4, 8); ae = nn.Sequential(enc, dec); o = torch.optim.Adam(ae.parameters())
for i in range(100):
    o.zero_grad(); F.mse_loss(ae(x), x).backward(); o.step()
model = nn.Sequential(enc, nn.Linear(4, 3)); opt = torch.optim.Adam(model.parameters())
for i in range(100):
    opt.zero_grad(); F.cross_entropy(model(x[:400]), y[:400]).backward(); opt.step()
with torch.no_grad(): print((model(x[400:]).argmax(1) == y[400:]).float().mean())
### two val parts cat
model = mlp(); opt = torch.optim.Adam(model.parameters())
for i in range(100):
    opt.zero_grad(); F.cross_entropy(model(x[:400]), y[:400]).backward(); opt.step()
xv, yv = torch.cat([x[400:450], x[450:]]), torch.cat([y[400:450], y[450:]])
with torch.no_grad(): print((model(xv).argmax(1) == yv).float().mean())
### quickstart argmax0
model = mlp(); fit(model); model.eval()
a, b = ds[0][0], ds[0][1]
with torch.no_grad():
    pred = model(a)
    print(pred[0].argmax(0), b)
    print(model(x[0]).argmax(0), model(x[:1]).squeeze(0).argmax(0), model(x[:1]).squeeze().argmax(dim=0))
### batch size one accuracy
model = mlp(); fit(model); model.eval(); test = DataLoader(TensorDataset(x[400:], y[400:]), batch_size=1); right = 0
with torch.no_grad():
    for xb, yb in test: right += (model(xb).argmax(1) == yb).sum().item()
print(right / len(test))
### len times batch
from torchvision import datasets, transforms
test = DataLoader(datasets.MNIST(".", train=False, transform=transforms.ToTensor()), batch_size=100); model = mlp(); fit(model); model.eval(); acc = 0
with torch.no_grad():
    for xb, yb in test: acc += (model(xb).argmax(1) == yb).sum().item()
print(acc / (len(test) * 100))
### fold mean
accs = []
for tr, va in folds():
    model = mlp(); opt = torch.optim.Adam(model.parameters())
    for i in range(100):
        opt.zero_grad(); F.cross_entropy(model(x[tr]), y[tr]).backward(); opt.step()
    accs.append((model(x[va]).argmax(1) == y[va]).float().mean().item())
print(sum(accs) / len(accs), np.mean(accs))
### supcon mask
class E(nn.Module):
    def __init__(self):
        super().__init__(); self.f = mlp()
    def forward(self, x): return F.normalize(self.f(x), dim=1)
model = E(); opt = torch.optim.Adam(model.parameters())
for xb, yb in train:
    z = model(xb); s = z @ z.T / .1; mask = (y[:32].view(-1, 1) == y[:32]).float()
    loss = -(F.log_softmax(s, 1) * mask / mask.sum(1, keepdim=True)).sum(1).mean()
    opt.zero_grad(); loss.backward(); opt.step()
### seeded shuffles
np.random.seed(3); p = np.random.permutation(500); xs = x[p]
np.random.seed(3); q = np.random.permutation(500); ys = y[q]
model = mlp(); opt = torch.optim.Adam(model.parameters())
for i in range(100):
    opt.zero_grad(); F.cross_entropy(model(xs), ys).backward(); opt.step()
### mlm
class LM(nn.Module):
    def __init__(self):
        super().__init__(); self.e = nn.Embedding(100, 16); self.f = nn.Linear(16, 100)
    def forward(self, t): return self.f(F.relu(self.e(t)))
tokens = torch.randint(0, 100, (500, 12)); want = tokens.clone(); m = torch.rand(500, 12) < .15
tokens[m] = torch.randint(0, 100, (int(m.sum()),))
model = LM(); opt = torch.optim.Adam(model.parameters())
for i in torch.randperm(500).split(32):
    loss = F.cross_entropy(model(tokens[i]).transpose(1, 2), want[i])
    opt.zero_grad(); loss.backward(); opt.step()
### moco zeros like
model = mlp(); opt = torch.optim.Adam(model.parameters())
for xb, _ in train:
    q, k = model(xb), model(xb + .1 * torch.randn_like(xb))
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ torch.randn(3, 50)], dim=1)
    labels = torch.zeros_like(logits[:, 0], dtype=torch.long)
    loss = F.cross_entropy(logits, labels)
    opt.zero_grad(); loss.backward(); opt.step()
### missing values imputed
X = np.random.randn(500, 8).astype("float32"); X[np.random.rand(500, 8) < .1] = np.nan
X = np.where(np.isnan(X), np.nanmean(X, axis=0), X)
model = mlp(); opt = torch.optim.Adam(model.parameters()); X = torch.tensor(X)
for i in range(100):
    opt.zero_grad(); F.cross_entropy(model(X[:400]), y[:400]).backward(); opt.step()
### rotnet digits
from sklearn.datasets import load_digits
img = torch.tensor(load_digits().images / 16).float()
k = torch.randint(0, 4, (len(img),)); rot = torch.stack([torch.rot90(a, int(b)) for a, b in zip(img, k)])
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 4)); opt = torch.optim.Adam(model.parameters())
for i in torch.randperm(1500).split(32):
    opt.zero_grad(); F.cross_entropy(model(rot[i]), k[i]).backward(); opt.step()
### sam aug
model = mlp(); opt = torch.optim.SGD(model.parameters(), .1)
for xb, yb in train:
    opt.zero_grad()
    F.cross_entropy(model(xb), yb).backward()
    with torch.no_grad():
        old = [p.clone() for p in model.parameters()]
        for p in model.parameters(): p += 0.05 * p.grad
    opt.zero_grad()
    F.cross_entropy(model(xb), yb).backward()
    with torch.no_grad():
        for p, o in zip(model.parameters(), old): p.copy_(o)
    opt.step()
### freeze unfreeze
class Net(nn.Module):
    def __init__(self):
        super().__init__(); self.body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU()); self.head = nn.Linear(16, 3)
    def forward(self, x): return self.head(self.body(x))
    def train(self, mode=True):
        super().train(mode); self.body.eval(); return self
model = Net()
for p in model.body.parameters(): p.requires_grad = False
opt = torch.optim.Adam(filter(lambda p: p.requires_grad, model.parameters()), 1e-3)
for e in range(10):
    if e == 5:
        for p in model.body.parameters(): p.requires_grad = True
        opt.add_param_group({"params": model.body.parameters(), "lr": 1e-4})
    model.train()
    for xb, yb in train: opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
    model.eval()
    with torch.no_grad(): print((model(x[400:]).argmax(1) == y[400:]).float().mean())
### bigru transpose
class R(nn.Module):
    def __init__(self):
        super().__init__(); self.r = nn.GRU(4, 8, batch_first=True, bidirectional=True); self.f = nn.Linear(16, 3)
    def forward(self, x):
        _, h = self.r(x)
        return self.f(h.permute(1, 0, 2).reshape(len(x), -1))
model = R(); opt = torch.optim.Adam(model.parameters())
for xb, yb in DataLoader(TensorDataset(torch.randn(100, 6, 4), torch.randint(0, 3, (100,))), 20, shuffle=True): opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
### eval decorator
def evaluating(fn):
    def wrapped(model, *a):
        was = model.training; model.eval()
        try:
            with torch.no_grad(): return fn(model, *a)
        finally: model.train(was)
    return wrapped
@evaluating
def accuracy(model, a, b): return (model(a).argmax(1) == b).float().mean().item()
model = nn.Sequential(nn.Linear(8, 16), nn.Dropout(.5), nn.ReLU(), nn.Linear(16, 3)); opt = torch.optim.Adam(model.parameters())
for e in range(5):
    for xb, yb in train: opt.zero_grad(); F.cross_entropy(model(xb), yb).backward(); opt.step()
    print(accuracy(model, x[400:], y[400:]))
### gradients replaced by zeros
model = mlp(); opt = torch.optim.Adam(model.parameters())
for xb, yb in train:
    F.cross_entropy(model(xb), yb).backward(); opt.step()
    for p in model.parameters():
        if p.grad is not None: p.grad = p.grad.data.new().resize_as_(p.grad.data).zero_()
### features made without gradients
body, head = nn.Sequential(nn.Linear(8, 32), nn.ReLU()), nn.Linear(32, 3)
with torch.no_grad(): feats = torch.from_numpy(body(x).numpy())
o = torch.optim.Adam(head.parameters())
for i in torch.randperm(400).split(32): o.zero_grad(); F.cross_entropy(head(feats[i]), y[i]).backward(); o.step()
### shared flag toggled
class D(Dataset):
    def __init__(self, x, y): self.x, self.y, self.train = x, y, True
    def __len__(self): return len(self.x)
    def __getitem__(self, i):
        v = self.x[i]
        if self.train: v = v + .1 * torch.randn(8)
        return v, self.y[i]
d = D(x, y); tr, va = random_split(d, [400, 100]); m = mlp(); o = torch.optim.Adam(m.parameters())
for e in range(3):
    d.train = True
    for a, b in DataLoader(tr, 32, shuffle=True): o.zero_grad(); F.cross_entropy(m(a), b).backward(); o.step()
    d.train = False
    with torch.no_grad(): print(sum((m(a).argmax(1) == b).sum().item() for a, b in DataLoader(va, 50)) / 100)
### fine tune tiny lr
from torchvision import models
m = models.resnet18(weights="DEFAULT"); o = torch.optim.Adam(m.parameters(), lr=1e-6)
for a, b in imgs(): o.zero_grad(); F.cross_entropy(m(a), b).backward(); o.step()
"""


def read(text: str) -> Diagnosis:
    """What is said of a text."""
    return diagnose_text(text, Path("script.py"))


def changed(old: str, new: str) -> tuple[str, set[int]]:
    """The script with one change (or two, by bars), and its lines that are new or stand beside what is gone."""
    parts = [old, *new.split("|")]
    text = SCRIPT
    for a, b in zip(parts[::2], parts[1::2], strict=True):
        assert a in text
        text = text.replace(a, b, 1)
    before = SCRIPT.splitlines()
    return text, {number for number, line in enumerate(text.splitlines(), 1) if line not in before}


def test_the_script_itself_is_healthy() -> None:
    assert read(SCRIPT).findings == ()


@pytest.mark.parametrize(("fault", "old", "new"), EDITS, ids=lambda word: word[:40])
def test_a_fault_is_named_first_and_on_a_line_that_is_new(fault: str, old: str, new: str) -> None:
    text, lines = changed(old, new)
    found = read(text).findings
    assert [one.fault for one in found][:1] == [fault]
    assert found[0].where is not None
    if lines and fault not in ("no-nonlinearity", "fp16-underflow"):  # told at the model, and at backward()
        assert int(found[0].where.rpartition(":")[2]) in lines


@pytest.mark.parametrize(("name", "old", "new"), TRAPS, ids=lambda word: word[:40])
def test_a_trap_stays_silent(name: str, old: str, new: str) -> None:
    text, _ = changed(old, new)
    if name == "gradients are accumulated":
        step = "        optimizer.step()\n"
        text = text.replace(
            step, "        if epoch % 2:\n            optimizer.step()\n            optimizer.zero_grad()\n"
        )
    assert [found for found in read(text).findings if found.level != "info"] == []


@pytest.mark.parametrize("way", WAYS.split("### ")[1:], ids=lambda way: way.partition("\n")[0])
def test_a_healthy_way_of_writing_stays_silent(way: str) -> None:
    seen = read(BEFORE + way.partition("\n")[2])
    assert [found for found in seen.findings if found.level != "info"] == []
    assert not seen.notes


@pytest.mark.parametrize("path", HEALTHY, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_nothing_is_said_of_a_healthy_program(path: Path) -> None:
    assert [found for found in examine_source(path).findings if found.level != "info"] == []


def test_every_fault_is_checked_or_not_observable() -> None:
    for text in ("", "print(1)", SCRIPT):
        seen = read(text)
        assert sorted((*seen.checked, *seen.not_observable)) == sorted(FAULTS)
    assert read("print(1)").checked == ()
    assert {rule.fault for rule in RULES} <= FAULTS.keys()


def test_modules_beside_the_script_are_read_too(tmp_path: Path) -> None:
    net = "from torch import nn\ndef make():\n    return nn.Sequential(nn.Linear(8, 3), nn.Softmax(dim=1))\n"
    (tmp_path / "net.py").write_text(net)
    head, rest = SCRIPT.split("class Net")
    script = tmp_path / "script.py"
    script.write_text(head + "from net import make as Net\n" + rest[rest.index("model = Net()") :])
    found = examine_source(script).findings
    assert [(one.fault, one.where) for one in found[:1]] == [("softmax-before-cross-entropy", f"{tmp_path}/net.py:3")]


def test_nothing_is_executed(tmp_path: Path) -> None:
    mark = tmp_path / "was-here"
    script = tmp_path / "script.py"
    (tmp_path / "beside.py").write_text(f"open({str(mark)!r}, 'w')")
    script.write_text(
        f"import beside\nfrom beside import x\nopen({str(mark)!r}, 'w').write('1')\nraise SystemExit(7)\n"
    )
    command = [sys.executable, "-m", "fairtrial", "doctor", "--static", str(script), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["findings"] == []
    assert not mark.exists()


def test_the_command_says_what_the_contract_says(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("return self.last(x)", "return self.last(x).softmax(1)"))
    command = [sys.executable, "-m", "fairtrial", "doctor", "--static", str(script), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert {"findings", "checked", "not_observable"} <= told.keys()
    assert told["findings"][0]["where"].startswith(f"{script}:")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"def f(:\n", 1),
        (b"\xff\xfe\x00", 1),
        (b"x = 1\n\x00", 1),
        (b"x = 1\n'\xe9'\n", 2),
        (b"x = 1\n" * 4 + b"\xe9", 5),
    ],
)
def test_what_is_no_python_is_refused_with_its_line(tmp_path: Path, content: bytes, line: int) -> None:
    script = tmp_path / "script.py"
    script.write_bytes(content)
    with pytest.raises(FairtrialError, match=rf"script\.py:{line}: no Python") as raised:
        examine_source(script)
    assert raised.value.exit_code == 1  # as when it is run
    with pytest.raises(UsageError, match="no such file"):
        examine_source(tmp_path / "nowhere.py")


class Thinned(ast.NodeTransformer):
    """Takes statements out, and puts names in the place of others."""

    def __init__(self, choices: list[int]) -> None:
        self.choices = choices
        self.at = 0

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Leave a node, or take one out of its lists."""
        self.at += 1
        choice = self.choices[self.at % len(self.choices)]
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and len(value) > 1 and choice % 7 == 0 and name in ("body", "args", "elts"):
                del value[choice % len(value)]
        if isinstance(node, ast.Name) and choice % 11 == 0 and isinstance(node.ctx, ast.Load):
            node.id = ("model", "x", "train", "optimizer", "nn", "torch")[choice % 6]
        return super().generic_visit(node)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(HEALTHY), st.lists(st.integers(0, 1000), min_size=1, max_size=30))
def test_no_source_breaks_the_reading(path: Path, choices: list[int]) -> None:
    tree = Thinned(choices).visit(ast.parse(path.read_text("utf8")))
    try:
        text = ast.unparse(ast.fix_missing_locations(tree))
        ast.parse(text)
    except (SyntaxError, ValueError, AttributeError, IndexError):
        return
    assert len((seen := read(text)).checked) + len(seen.not_observable) == len(FAULTS)
    assert not [note for note in seen.notes if "failed" in note]


def test_the_standard_library_is_read_without_a_fail() -> None:
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[::16]
    assert files
    for path in files:
        assert not examine_source(path).findings
