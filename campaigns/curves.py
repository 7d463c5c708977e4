"""Ask the doctor about curves of small programs, most of them with a fault, of which it sees nothing but the curves.

    OMP_NUM_THREADS=1 python campaigns/curves.py --seeds 3

Each program trains a perceptron and a convolutional net on the digits, or on MNIST shrunk to their size, in plain torch
and writes what people write: a line an epoch, or one a step where only steps can show the fault. The numbers of classes
and of scored images are told. Prints for each fault how many of its curves raised an alarm, in how many the fault was
named, in how many it or another that looks the same, that in front, and in how many a `fail` is of yet another fault;
what one curve cannot show is marked and not counted in the sum. Ends with 1 if a healthy curve is failed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from fairtrial.doctor.findings import Finding
from fairtrial.doctor.fingerprints import diagnose_curves
from fairtrial.doctor.read_curves import read_curves
from fairtrial.parts.datasets import load

IMAGES, TRAIN, CLASSES, BATCH = 1797, 1200, 10, 64
NETS: dict[str, Callable[[], nn.Sequential]] = {
    "perceptron": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, CLASSES)),
    "convolution": lambda: nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, CLASSES)
    ),
}


# A training program in plain torch, with a place for each fault


def shuffled(y: Tensor) -> list[Tensor]:
    """Rows of each batch of an epoch, in a new order."""
    return list(torch.randperm(len(y)).split(BATCH))


def in_order(y: Tensor) -> list[Tensor]:
    """Sorted by class and never shuffled."""
    return list(y.argsort(stable=True).split(BATCH))


def one_batch(y: Tensor) -> list[Tensor]:
    """The first batch, again and again."""
    return [torch.arange(BATCH)] * (len(y) // BATCH)


def right(outputs: Tensor, y: Tensor) -> Tensor:
    """How many of a batch are right."""
    return (outputs.argmax(1) == y).sum()


@dataclass(frozen=True)
class Program:
    """What a program does; the defaults are healthy."""

    lr: float = 0.1
    epochs: int = 15
    momentum: float = 0.0
    weight_decay: float = 0.0
    adam: bool = False
    ending: tuple[nn.Module, ...] = ()
    loss: Callable[[Tensor, Tensor], Tensor] = f.cross_entropy
    outputs: int = CLASSES
    change: Callable[[nn.Module], object] = lambda net: None  # of the net before training
    order: Callable[[Tensor], list[Tensor]] = shuffled
    count: Callable[[Tensor, Tensor], Tensor] = right
    share: Callable[[Sequence[float], Sequence[int]], float] = lambda hits, sizes: sum(hits) / sum(sizes)
    train_y: Callable[[Tensor], Tensor] = lambda y: y
    valid_y: Callable[[Tensor], Tensor] = lambda y: y
    train_x: Callable[[Tensor], Tensor] = lambda x: x
    valid_x: Callable[[Tensor], Tensor] = lambda x: x
    decay: float = 1.0  # of the rate, after each epoch
    every_step: bool = False  # a line for each step, and no scores of validation
    norm: bool = False
    columns: Mapping[str, str] = field(default_factory=dict[str, str])  # what is called otherwise


def table(program: Program, make: Callable[[], nn.Sequential], data: str, seed: int) -> str:
    """The curves that the program writes."""
    torch.manual_seed(seed)
    (x, y), (valid_x, valid_y) = parts(data, seed)
    x, y, valid_x, valid_y = program.train_x(x), program.train_y(y), program.valid_x(valid_x), program.valid_y(valid_y)
    net = make()
    if program.norm:
        net.insert(1, nn.BatchNorm2d(16)) if isinstance(net[0], nn.Conv2d) else net.insert(2, nn.BatchNorm1d(64))
    last = net[-1]
    assert isinstance(last, nn.Linear)
    net[-1] = nn.Linear(last.weight.shape[1], program.outputs)
    program.change(net)
    for module in program.ending:
        net.append(module)
    step = optimizer(program, net)
    names = ["epoch", "train_loss", "train_acc", "val_loss", "val_acc", "lr"]
    rows = [[program.columns.get(name, name) for name in names]]
    for epoch in range(1, program.epochs + 1):
        seen: list[tuple[float, float, int]] = []
        net.train()
        for batch in program.order(y):
            outputs = net(x[batch])
            loss = program.loss(outputs, y[batch])
            step.zero_grad()
            loss.backward()
            step.step()
            seen.append((float(loss.detach()), float(program.count(outputs.detach(), y[batch])), len(batch)))
            if program.every_step:
                rows.append([f"{epoch}", f"{float(loss.detach()):.6f}", "", "", "", ""])
        if not program.every_step:
            rate = step.param_groups[0]["lr"]
            scores = [*means(program, seen), *scored(program, net, valid_x, valid_y)]
            rows.append([f"{epoch}", *(f"{score:.6f}" for score in scores), f"{rate:g}"])
        for group in step.param_groups:
            group["lr"] *= program.decay
    return "".join(",".join(row) + "\n" for row in rows)


def parts(data: str, seed: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Images in [0, 1] of 8x8 pixels and labels, for training and for validation."""
    source = load(data)
    x = f.adaptive_avg_pool2d(torch.tensor(source.images[:IMAGES, :, :, 0]).float(), 8)[:, None] / source.images.max()
    y = torch.tensor(source.labels[:IMAGES]).long()
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    train, valid = order[:TRAIN], order[TRAIN:]
    return (x[train], y[train]), (x[valid], y[valid])


def optimizer(program: Program, net: nn.Module) -> torch.optim.Optimizer:
    """SGD or Adam."""
    kept = [p for p in net.parameters() if p.requires_grad] or [nn.Parameter(torch.zeros(1))]
    if program.adam:
        return torch.optim.Adam(kept, program.lr, weight_decay=program.weight_decay)
    return torch.optim.SGD(kept, program.lr, momentum=program.momentum, weight_decay=program.weight_decay)


def means(program: Program, seen: Sequence[tuple[float, float, int]]) -> tuple[float, float]:
    """Mean loss of the batches, and the share that is right."""
    losses, hits, sizes = zip(*seen, strict=True)
    return sum(losses) / len(losses), program.share(hits, sizes)


def scored(program: Program, net: nn.Module, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Loss and accuracy of the validation part, in eval mode."""
    net.eval()
    with torch.no_grad():
        made = [(net(x[rows]), y[rows]) for rows in torch.arange(len(y)).split(BATCH)]
        seen = [(float(program.loss(o, t)), float(program.count(o, t)), len(t)) for o, t in made]
    return means(program, seen)


# Losses and changes that are faults, or are none


def one_hot(y: Tensor) -> Tensor:
    """As floats."""
    return f.one_hot(y, CLASSES).float()


def clipped(outputs: Tensor, y: Tensor) -> Tensor:
    """A hand-written cross-entropy of probabilities, clipped as Keras clips them."""
    p = outputs.softmax(1).clamp(1e-7, 1 - 1e-7)
    return -p[torch.arange(len(y)), y].log().mean()


def same_units(net: nn.Module) -> None:
    """All weights equal."""
    for p in net.parameters():
        nn.init.constant_(p, 0.01)


def times(factor: float) -> Callable[[nn.Module], None]:
    """All weights so many times as large."""

    def change(net: nn.Module) -> None:
        for p in net.parameters():
            p.data.mul_(factor)

    return change


def asleep(net: nn.Module) -> None:
    """Biases before ReLU at which no unit ever wakes."""
    hidden = next(each for each in net.modules() if isinstance(each, nn.Linear | nn.Conv2d))
    nn.init.constant_(hidden.bias, -100) if hidden.bias is not None else None


def frozen(net: nn.Module) -> None:
    """Nothing learns but the last bias."""
    net.requires_grad_(False)
    [*net.parameters()][-1].requires_grad_(True)


def deep(net: nn.Module) -> None:
    """Twelve layers of sigmoid in front of the last."""
    assert isinstance(net, nn.Sequential)
    last = net.pop(-1)
    assert isinstance(last, nn.Linear)
    width = last.weight.shape[1]
    for _ in range(12):
        net.append(nn.Linear(width, width)).append(nn.Sigmoid())
    net.append(last)


def uphill(net: nn.Module) -> None:
    """The gradients turned round."""
    for p in net.parameters():
        p.register_hook(torch.neg)


def padded(hits: Sequence[float], sizes: Sequence[int]) -> float:
    """Divided by batches times their size."""
    return sum(hits) / (len(sizes) * BATCH)


def mean_of_means(hits: Sequence[float], sizes: Sequence[int]) -> float:
    """Each batch weighs the same, also the smaller last one."""
    return sum(hit / size for hit, size in zip(hits, sizes, strict=True)) / len(sizes)


TURN = torch.randperm(CLASSES, generator=torch.Generator().manual_seed(1))
ALIKE = "one of several causes that curves cannot tell apart"
HIDDEN = "one curve cannot show it"


@dataclass(frozen=True)
class Case:
    """A fault's program; `other` are names that the same curves may as well have, `limit` says what they cannot do."""

    fault: str
    about: str
    program: Program
    other: tuple[str, ...] = ()
    limit: str = ""


CASES = (
    Case("softmax-before-cross-entropy", "softmax twice", Program(ending=(nn.Softmax(1),), lr=0.5, epochs=30)),
    Case("softmax-before-cross-entropy", "softmax twice, Adam", Program(ending=(nn.Softmax(1),), adam=True, lr=0.003)),
    Case("softmax-before-cross-entropy", "softmax twice, collapsed",
         Program(ending=(nn.Softmax(1),), adam=True, lr=1.0)),
    Case("sigmoid-before-cross-entropy", "sigmoid before it", Program(ending=(nn.Sigmoid(),), adam=True, lr=0.01),
         ("softmax-before-cross-entropy",)),
    Case("activation-on-logits", "tanh on logits", Program(ending=(nn.Tanh(),), adam=True, lr=0.01, epochs=30)),
    Case("activation-on-logits", "ReLU on logits", Program(ending=(nn.ReLU(),)), limit=HIDDEN),
    Case("nll-on-non-log-probabilities", "on probabilities",
         Program(ending=(nn.Softmax(1),), loss=f.nll_loss, adam=True, lr=0.01)),
    Case("nll-on-non-log-probabilities", "on raw outputs", Program(loss=f.nll_loss, lr=0.01)),
    Case("single-output-for-many-classes", "one sigmoid, labels 0 to 9",
         Program(outputs=1, loss=lambda o, y: f.binary_cross_entropy_with_logits(o[:, 0], y.float()),
                 count=lambda o, y: ((o[:, 0] > 0).long() == y).sum(), lr=0.0003)),
    Case("bce-for-single-label", "binary accuracy on one-hot labels",
         Program(loss=lambda o, y: f.binary_cross_entropy_with_logits(o, one_hot(y)), lr=0.1,
                 count=lambda o, y: ((o > 0) == one_hot(y).bool()).float().mean(1).sum()),
         ("wrong-accuracy",)),
    Case("sigmoid-before-bce-with-logits", "sigmoid twice",
         Program(ending=(nn.Sigmoid(),), adam=True, lr=0.01, epochs=30,
                 loss=lambda o, y: f.binary_cross_entropy_with_logits(o, one_hot(y)))),
    Case("mse-for-classification", "squared error", Program(loss=lambda o, y: f.mse_loss(o, one_hot(y)))),
    Case("sum-reduction", "summed over the batch, small rate",
         Program(loss=lambda o, y: f.cross_entropy(o, y, reduction="sum"), lr=0.001)),
    Case("sum-reduction", "summed over the batch, usual rate",
         Program(loss=lambda o, y: f.cross_entropy(o, y, reduction="sum"), lr=0.1), ("lr-too-high",)),
    Case("unstable-log", "clipped logarithm, collapsed", Program(loss=clipped, adam=True, lr=3.0), ("lr-too-high",)),
    Case("ascending-loss", "the sign turned", Program(loss=lambda o, y: -f.cross_entropy(o, y), lr=0.01)),
    Case("ascending-loss", "the rate's sign turned, the loss as it is",
         Program(lr=0.01, change=uphill)),
    Case("weights-not-updated", "no step", Program(lr=0.0)),
    Case("frozen-parameters", "all but the last bias frozen", Program(change=frozen),
         ("weights-not-updated", "constant-init", "lr-too-low"), ALIKE),
    Case("constant-init", "equal weights", Program(change=same_units),
         ("lr-too-low", "vanishing-gradient", "dead-relu"), ALIKE),
    Case("dead-relu", "no unit awake", Program(change=asleep), ("constant-init", "vanishing-gradient"), ALIKE),
    Case("vanishing-gradient", "twelve layers of sigmoid", Program(change=deep),
         ("constant-init", "lr-too-low"), ALIKE),
    Case("lr-too-high", "SGD at 30", Program(lr=30.0), ("non-finite",)),
    Case("lr-too-high", "Adam at 1", Program(lr=1.0, adam=True)),
    Case("lr-too-low", "SGD at 1e-4", Program(lr=1e-4)),
    Case("lr-too-low", "Adam at 1e-6", Program(lr=1e-6, adam=True)),
    Case("non-finite", "SGD at 1e6", Program(lr=1e6, momentum=0.9), ("lr-too-high",)),
    Case("schedule-too-fast", "a rate that dies in two epochs", Program(decay=0.01)),
    Case("init-too-large", "weights 30 times as large", Program(change=times(30.0), lr=0.01)),
    Case("input-scale", "pixels of 0 to 255", Program(train_x=lambda x: 255 * x, valid_x=lambda x: 255 * x, lr=0.001),
         ("init-too-large", "lr-too-high"), ALIKE),
    Case("over-regularised", "weight decay 1", Program(weight_decay=1.0), ("lr-too-low", "constant-init"), ALIKE),
    Case("under-trained", "a tenth of the epochs", Program(lr=0.01, epochs=10)),
    Case("over-trained", "60 images, 300 epochs", Program(order=lambda y: [torch.arange(60)], adam=True, lr=0.01,
                                                          epochs=300), ("repeated-batch",)),
    Case("wrong-accuracy", "over batches x 64", Program(share=padded)),
    Case("wrong-accuracy", "mean of the batches' means", Program(share=mean_of_means)),
    Case("wrong-accuracy", "in percent of the batches", Program(share=lambda hits, sizes: sum(hits) / len(sizes) / 32)),
    Case("unshuffled-training", "sorted by class, a line a step", Program(order=in_order, every_step=True, epochs=6)),
    Case("unshuffled-training", "sorted by class, a line an epoch", Program(order=in_order), limit=HIDDEN),
    Case("repeated-batch", "one batch again and again", Program(order=one_batch, adam=True, lr=0.01),
         ("over-trained", "labels-misaligned"), ALIKE),
    Case("labels-misaligned", "training labels shuffled, learnt by heart",
         Program(train_y=lambda y: y[torch.randperm(len(y))], adam=True, lr=0.01, epochs=150), (), ALIKE),
    Case("labels-misaligned", "training labels shuffled, few epochs",
         Program(train_y=lambda y: y[torch.randperm(len(y))]), limit=HIDDEN),
    Case("class-map-mismatch", "validation with another map of classes", Program(valid_y=lambda y: TURN[y], epochs=30),
         ("labels-misaligned",), ALIKE),
    Case("split-preprocessing-mismatch", "validation upside down", Program(valid_x=lambda x: 1 - x, epochs=30),
         ("labels-misaligned", "class-map-mismatch"), ALIKE),
    Case("test-set-selection", "the test part scored each epoch, no other",
         Program(columns={"val_loss": "test_loss", "val_acc": "test_acc"})),
)  # fmt: skip
HEALTHY = (
    *(Program(lr=lr, epochs=epochs) for lr in (0.05, 0.1, 0.2) for epochs in (3, 30)),
    *(Program(lr=lr, momentum=0.9, epochs=epochs) for lr in (0.01, 0.03) for epochs in (5, 60)),
    *(Program(lr=lr, adam=True, epochs=epochs) for lr in (0.001, 0.003) for epochs in (2, 8, 40)),
    Program(norm=True), Program(norm=True, adam=True, lr=0.003, epochs=40), Program(decay=0.9), Program(decay=0.7),
    Program(weight_decay=5e-4), Program(every_step=True, epochs=6), Program(every_step=True, adam=True, lr=0.003),
    Program(loss=lambda o, y: f.cross_entropy(o, y, label_smoothing=0.1), epochs=40),
    Program(loss=lambda o, y: f.nll_loss(o, y), ending=(nn.LogSoftmax(1),)),
)  # fmt: skip


# What the doctor says


def seen(program: Program, data: str, seeds: int, folder: Path) -> Iterator[tuple[Finding, ...]]:
    """The findings of each net and seed."""
    for make in NETS.values():
        for seed in range(seeds):
            path = folder / "curves.csv"
            path.write_text(table(program, make, data, seed), "utf8")
            yield diagnose_curves(read_curves(path, CLASSES, IMAGES - TRAIN)).findings


@dataclass(frozen=True)
class Told:
    """Of how many curves something was said, the fault named, it or what looks alike, that in front, another failed."""

    curves: int = 0
    alarm: int = 0
    fault: int = 0
    alike: int = 0
    first: int = 0
    false_fail: int = 0

    def __add__(self, other: Told) -> Told:
        return Told(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def cells(self) -> str:
        return " | ".join(map(str, astuple(self)))


def told(fault: str, other: Sequence[str], findings: Sequence[Finding]) -> Told:
    """What was said of one curve; a hint counts where it is the fault itself."""
    names = [each.fault for each in findings if each.level != "info" or each.fault == fault]
    known = {fault, *other}
    false = any(each.level == "fail" and each.fault not in known for each in findings)
    return Told(1, bool(names), fault in names, bool(known & {*names}), bool(names) and names[0] in known, false)


def main(words: Sequence[str] | None = None) -> int:
    """Print the table of faults and the alarms at healthy curves; 1 if any of those is a `fail`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", default="digits", choices=["digits", "mnist"])
    parser.add_argument("--only", default="", help="part of the names of the faults to try")
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    possible, alarms, failed, healthy = Told(), 0, 0, 0
    print(f"| fault | program | {' | '.join(each.name for each in fields(Told))} | limit |\n{'| --- ' * 9}|")
    with tempfile.TemporaryDirectory() as folder:
        for case in (case for case in CASES if asked.only in case.fault):
            found = list(seen(case.program, asked.data, asked.seeds, Path(folder)))
            every = sum((told(case.fault, case.other, each) for each in found), Told())
            possible = possible if case.limit == HIDDEN else possible + every
            print(f"| {case.fault} | {case.about} | {every.cells} | {case.limit} |", flush=True)
            if every.alike < every.curves:
                print(
                    "",
                    *({f"{each.level} {each.fault}" for one in found for each in one} or ["nothing"]),
                    file=sys.stderr,
                )
        print(f"| all that a curve can show | | {possible.cells} | |\n")
        for number, program in enumerate(HEALTHY if not asked.only else ()):
            for findings in seen(program, asked.data, asked.seeds, Path(folder)):
                bad = [each for each in findings if each.level != "info"]
                healthy, alarms = healthy + 1, alarms + bool(bad)
                failed += any(each.level == "fail" for each in bad)
                for each in bad:
                    print(f"healthy {number}: {each.level} {each.fault}: {each.evidence}", flush=True)
    print(f"{healthy} healthy curves: {failed} failed, {alarms} with an alarm")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
