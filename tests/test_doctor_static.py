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
from fairtrial.spec.errors import DataError, UsageError

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
    ("class-map-mismatch", "x, y = torch.randn(500, 8), torch.randint(0, 3, (500,))", "import numpy as np\nx, names = torch.randn(500, 8), np.random.choice(['a', 'b', 'c'], 500)\ny = torch.from_numpy(np.unique(names[:400], return_inverse=True)[1])\nother = torch.from_numpy(np.unique(names[400:], return_inverse=True)[1])\n|y[:400]|y|y[400:]|other"),
    ("evaluation-in-train-mode", "    model.eval()\n", ""),
    ("evaluation-in-train-mode", "    model.eval()\n    right = 0\n    with torch.no_grad():\n        for", "    right = 0\n    with looking(model):\n        for|model = Net()|import contextlib\n@contextlib.contextmanager\ndef looking(net):\n    with torch.no_grad():\n        yield net\n\nmodel = Net()|model(xb).argmax(dim=1)|model(xb).argmax(1)"),
    ("evaluation-in-train-mode", "x = self.drop(x)", "x = F.dropout(x, 0.2)"),
    ("training-in-eval-mode", "    model.train()\n", ""),
    ("best-state-alias", "copy.deepcopy(model.state_dict())", "model.state_dict()"),
    ("best-state-alias", "copy.deepcopy(model.state_dict())", "{k: v for k, v in model.state_dict().items()}"),
    ("repeated-batch", "shuffle=True", "shuffle=False|for xb, yb in train:|for _ in range(12):\n        xb, yb = next(iter(train))"),
    ("unshuffled-training", "shuffle=True", "shuffle=False"),
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


@pytest.mark.parametrize("content", [b"def f(:\n", b"\xff\xfe\x00", b"x = 1\n\x00"])
def test_what_is_no_python_is_refused_with_its_line(tmp_path: Path, content: bytes) -> None:
    script = tmp_path / "script.py"
    script.write_bytes(content)
    with pytest.raises(DataError, match=r"script\.py:\d+: .*Python"):
        examine_source(script)
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
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[::4]
    assert files
    for path in files:
        assert not examine_source(path).findings
