"""The whole training of a run as one plain PyTorch program that comes to the same bits.

A program has only what its run needs: each part below gives its lines, or none. What a run may need and no part writes
is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count

from fairtrial.engine import torch_net
from fairtrial.export import carried_training as c
from fairtrial.export.carried import read_idx, source
from fairtrial.export.flat import flat
from fairtrial.export.script import joined, listed, npz, numbers, plain
from fairtrial.export.torch_layers import plain_words, sequential
from fairtrial.export.trained import Trained
from fairtrial.export.training_parts import AUGMENTS, DELTAS, LOSSES, SCHEDULES, STARTS, check, optimizer, said
from fairtrial.parts.datasets import DATASETS, load
from fairtrial.parts.datasets.idx import IdxSet
from fairtrial.parts.optimizers import make_rule
from fairtrial.spec import arch as a
from fairtrial.spec.recipe import Recipe

PURPOSES = {"START": 1, "SPLIT": 2, "SHUFFLE": 3, "DROPOUT": 4, "AUGMENT": 5, "TURN": 9}  # as in `fairtrial.rng`
SCORED = 512  # images scored at once, as in `train.stream`
IMPORTS = {
    r"\bgzip\.": "import gzip", r"\bsys\.": "import sys", r"\bOrderedDict\(": "from collections import OrderedDict",
    r"\bdeepcopy\(": "from copy import deepcopy", r"\bPath\(": "from pathlib import Path",
    r"\bAny\b": "from typing import Any",
}  # fmt: skip
LIBRARIES = {
    r"\bdecomposition\.": "from sklearn import decomposition",
    r"\bload_digits\(": "from sklearn.datasets import load_digits",
}  # fmt: skip
# What may be called, before what calls it
CARRIED = (
    read_idx,
    c.rng,
    c.picked,
    c.balanced,
    c.offsets,
    c.cropped,
    c.shifted,
    c.span,
    c.half_cosine,
    c.one_cycle,
    c.plateau,
)
QUICK_NORM = (
    torch_net._lies_last, torch_net._Normalise, torch_net.QuickBatchNorm2d,  # pyright: ignore[reportPrivateUsage]
)  # fmt: skip


def files(net: Trained, stem: str) -> dict[str, bytes]:
    """The program, and its data where these are not files that it reads itself; UsageError for what it cannot be."""
    check(net)
    written = {f"{stem}.py": Program(net).text(stem)}
    if not has_own_files(net.recipe):
        data = load(net.recipe.data, skip_bad=net.recipe.skip_bad)
        written[f"{stem}.data.npz"] = npz({"images": data.images, "labels": data.labels})
    return written


def has_own_files(recipe: Recipe) -> bool:
    """Whether the program finds the data without us: digits in scikit-learn, MNIST and its like as IDX files."""
    return recipe.data == "digits" or (recipe.data in DATASETS and isinstance(DATASETS[recipe.data], IdxSet))


def by_module(line: str) -> tuple[bool, str]:
    """What modules before what names of them."""
    return line.startswith("from"), line


def used(imports: dict[str, str], text: str) -> list[str]:
    """The lines of those imports that the text needs."""
    return [line for needle, line in imports.items() if re.search(needle, text)]


def normed(arch: a.Arch, shape: a.Shape) -> Iterator[int]:
    """The channels of every batch norm of images."""
    for _, layer, before in a.walk(arch, shape):
        if isinstance(layer, a.BatchNorm) and len(before) == 3:
            yield before[0]
        if isinstance(layer, a.Residual):
            yield from normed(layer.body, before)
            yield from normed(layer.shortcut, before)


class Program:
    """The text of a program, part by part."""

    def __init__(self, net: Trained) -> None:
        self.net, self.recipe = net, net.recipe
        train, batch = net.counts["train"], net.recipe.batch
        self.steps = train // batch + (train % batch > 1 or train < batch)
        self.augments = [word for part in net.recipe.augment.split(",") if (word := part.strip()) != "none"]
        self.turning = "alternating-flip" in self.augments
        self.dropouts = count()

    def text(self, stem: str) -> bytes:
        """The whole program."""
        parts = [*self.layers(), self.make_net(), self.loss(), *self.augmented(), *self.rate(), *self.score()]
        body = "\n\n\n".join([self.read_data(), *self.input(), *parts, self.main()])
        for function in reversed(CARRIED):
            if f"{function.__name__}(" in body:
                body = f"{source(function)}\n\n\n{body}"
        return joined(f"{self.head(stem)}\n\n{self.imports(body)}\n\n{self.constants(body)}", body)

    def head(self, stem: str) -> str:
        """What the program is, and how it is run."""
        data = "" if self.recipe.data == "digits" or not has_own_files(self.recipe) else " FOLDER"
        lies = f"; FOLDER holds the four IDX files of {self.recipe.data}" if data else ""
        with_ = ", ".join(f"{name} {self.net.environment[name]}" for name in ("torch", "numpy"))
        return f"""\"\"\"The training of {plain(self.net.about)} (fairtrial's run {self.net.name}) as one program.

    python {plain(stem)}.py{data}

trains{lies}, and writes the best weights to {plain(stem)}.weights.npz: with {with_}
and {self.recipe.threads} thread(s) on the same kind of processor, bit by bit those of the run.
\"\"\""""

    def imports(self, body: str) -> str:
        """What is imported."""
        names = ", ".join(name for name in ("cos", "gcd", "pi", "sqrt") if re.search(rf"\b{name}\b", body))
        own = sorted([*used(IMPORTS, body), *[f"from math import {names}"] * bool(names)], key=by_module)
        others = ["import numpy as np", "import torch", *used(LIBRARIES, body), "from torch import Tensor, nn"]
        return "\n".join(["from __future__ import annotations", "", *own, "", *others])

    def constants(self, body: str) -> str:
        """What is decided beforehand."""
        recipe, net = self.recipe, self.net
        lines = [
            f"SEED, EPOCHS, BATCH, LR = {recipe.seed}, {recipe.epochs}, {recipe.batch}, {recipe.lr}",
            f"STEPS = {self.steps}  # in an epoch",
            self.sizes(),
        ]
        purposes = {name: value for name, value in PURPOSES.items() if re.search(rf"\b{name}\b", body)}
        lines.append(f"{', '.join(purposes)} = {', '.join(map(str, purposes.values()))}  # what randomness is for")
        if "SCALE" in body:
            lines.append(f"SCALE = torch.tensor({numbers(net.scale)})")
        if "SHIFT" in body and net.shift is not None:
            lines.append(f"SHIFT = torch.tensor({numbers(net.shift)})")
        if "DELTA" in body:
            lines.append(f"DELTA = {said(DELTAS, recipe.loss)}")
        return "\n".join([*lines, f"TARGETS = {self.targets()}  # a row for each class"])

    def sizes(self) -> str:
        """How many images are kept from training."""
        valid, test = (self.net.counts[part] for part in ("valid", "test"))
        return f"VALID, TEST = {valid}, {test}  # images of these parts" if valid else f"TEST = {test}  # images"

    def targets(self) -> str:
        """What the outputs should be."""
        classes, smoothing = len(self.net.classes), self.recipe.label_smoothing
        if self.recipe.targets == "number":
            return f"torch.arange({classes}.0)[:, None]"
        if smoothing:
            return f"torch.from_numpy(np.eye({classes}) * (1 - {smoothing}) + {smoothing} / {classes}).float()"
        return f"torch.eye({classes})"

    def read_data(self) -> str:
        """The function that reads images and labels."""
        shape = ", ".join(map(str, self.net.pixels))
        begin = f'def read_data() -> tuple[np.ndarray, np.ndarray]:\n    """Images (n, {shape}) uint8 and labels, the '
        if self.recipe.data == "digits":
            return f"""{begin}test part last; brightness from 0 to 16 becomes 0 to 255."\"\"
    digits = load_digits()
    images = np.round(digits.data * (255 / 16)).astype(np.uint8).reshape(-1, {shape})
    test = picked(digits.target, TEST, rng(SPLIT, place=1, seed=0))
    order = np.concatenate([np.flatnonzero(~test), np.flatnonzero(test)])
    return images[order], digits.target[order]"""
        if not has_own_files(self.recipe):
            return f"""{begin}test part last."\"\"
    data = np.load(Path(__file__).with_suffix(".data.npz"))
    return data["images"], data["labels"]"""
        files = [remote.name.removesuffix(".gz").replace("-idx", "?idx") for remote in DATASETS[self.recipe.data].files]
        images, labels = (listed((f'"{name}*"' for name in files[k::2]), 4) for k in (0, 1))
        return f"""{begin}test part last."\"\"
    folder = Path(sys.argv[1])
    images = np.concatenate([read_idx(next(folder.glob(name))) for name in {images}])
    labels = np.concatenate([read_idx(next(folder.glob(name))) for name in {labels}])
    return images.reshape(-1, {shape}), labels.astype(np.int64)"""

    @property
    def fitting(self) -> str:
        """The function that fits the input to the training part, if there is one."""
        return {"standardise": "standardised", "pca": "projection"}.get(self.recipe.input.split()[0], "")

    @property
    def fitted(self) -> str:
        """What `prepared` is given beside images."""
        return ", *fitted" if self.fitting else ""

    def input(self) -> list[str]:
        """The function that makes of pixels what the net sees, and the one that fits it."""
        match self.fitting:
            case "standardised":
                fit, given = [source(c.standardised)], ", scale: Tensor, shift: Tensor"
                seen = "(images * scale + shift).permute(0, 3, 1, 2)"
            case "projection":
                fit, given = [source(c.projection)], ", components: Tensor, centre: Tensor"
                seen = "((images * SCALE).reshape(len(images), -1) - centre) @ components"
            case _:
                fit, given = [], ""
                seen = f"(images * SCALE{'' if self.net.shift is None else ' + SHIFT'}).permute(0, 3, 1, 2)"
        about = f'"""What the net sees (n, {", ".join(map(str, self.net.input))}) of images uint8."""'
        return [*fit, f"def prepared(images: Tensor{given}) -> Tensor:\n    {about}\n    return {seen}"]

    def layers(self) -> list[str]:
        """The classes of layers that torch has not, or has with other bits."""
        every = {type(layer) for layer in flat(self.net.arch)}
        needed = [source(c.Dropout)] * (a.Dropout in every)
        if a.Residual in every:
            needed.append(source(torch_net.Residual))
        if self.norm:
            needed += map(source, QUICK_NORM if self.norm == "QuickBatchNorm2d" else (c.BatchNorm2d,))
        return needed

    @property
    def norm(self) -> str:
        """The class of batch norm of images, if there is any: quick in training too, if one is so."""
        channels = list(normed(self.net.arch, self.net.input))
        quick = any(count % 8 and count < 16 for count in channels)
        return ("QuickBatchNorm2d" if quick else "BatchNorm2d") if channels else ""

    def words(self, name: str, layer: a.Layer, shape: a.Shape) -> str:
        """A layer as the program makes it."""
        if isinstance(layer, a.Dropout):
            return f"Dropout({layer.rate}, place={next(self.dropouts)})"
        if isinstance(layer, a.BatchNorm) and len(shape) == 3:
            return f"{self.norm}({shape[0]})"
        return plain_words(name, layer, shape)

    def make_net(self) -> str:
        """The function that makes the net and draws its weights."""
        values = said(STARTS, self.recipe.init)
        lines = [
            f"net = {sequential(self.net.arch, self.net.input, self.words, 4)}",
            "for name, values in net.named_parameters():",
            '    if name.endswith("bias"):',
            "        nn.init.zeros_(values)",
            "weights = [values for values in net.parameters() if values.ndim > 1]",
            "for place, w in enumerate(weights):" if "random" in values else "for w in weights:",
        ]
        if "random" in values:
            lines.append("    random = rng(START, place=place)")
        if "fan_out" in values:
            lines.append("    fan_in, fan_out = w[0].numel(), len(w) * w[0, 0].numel()")
        elif "fan_in" in values:
            lines.append("    fan_in = w[0].numel()")
        lines += [
            f"    w.data.copy_(torch.from_numpy({values}))",
            "return net.to(memory_format=torch.channels_last)",
        ]
        return 'def make_net() -> nn.Module:\n    """The net as it starts."""\n' + indented(lines, 4)

    def loss(self) -> str:
        """The function that gives the loss with its gradient."""
        return source(LOSSES[self.recipe.loss.split()[0]])

    def augmented(self) -> list[str]:
        """The function that changes images at random."""
        if not self.augments:
            return []
        turns = ", turns: np.ndarray" if self.turning else ""
        changes = [said(AUGMENTS, text) for text in self.augments]
        random = any("random" in line for line in changes)
        holes, crops = any("holes" in line for line in changes), any("cropped" in line for line in changes)
        black = ["holes"] * holes + ["(rows < 0)[:, :, None] | (cols < 0)[:, None, :]"] * crops
        lines = ["random = rng(AUGMENT, step)"] * random + [
            "rows, cols = (np.tile(np.arange(side), (len(index), 1)) for side in images.shape[1:3])",
            *["holes = np.zeros((len(index), *images.shape[1:3]), bool)"] * holes,
            *changes,
            "down, across = (torch.from_numpy(lines.clip(0)) for lines in (rows, cols))",
            "seen = images[index[:, None, None], down[:, :, None], across[:, None, :]]",
        ]
        if crops:
            lines.append(f"black = {' | '.join(black)}")
        lines.append(
            f"return seen * torch.from_numpy(~{'black' if crops else 'holes'}[..., None])" if black else "return seen"
        )
        about = f'"""Images of the index, changed: {plain(self.recipe.augment)}."""'
        head = f"def augmented(images: Tensor, index: Tensor, step: int{turns}) -> Tensor:"
        return [f"{head}\n    {about}\n{indented(lines, 4)}"]

    @property
    def waits(self) -> bool:
        """Whether the rate hangs on the losses so far."""
        return "plateau" in self.recipe.schedule

    def rate(self) -> list[str]:
        """The function that gives the learning rate of a step."""
        if self.recipe.schedule.strip() == "constant":
            return []
        factors = [said(SCHEDULES, part) for part in self.recipe.schedule.split(",")]
        factor = factors.pop()
        for before in reversed(factors):
            factor = f"({before} * {factor})"
        losses = ", losses: list[float]" if self.waits else ""
        about = f'"""The learning rate: {plain(self.recipe.schedule)}."""'
        return [f"def rate(step: int{losses}) -> float:\n    {about}\n    return LR * {factor}"]

    def score(self) -> list[str]:
        """The function that scores a part of the data, if any is scored."""
        if not (self.net.counts["valid"] or self.recipe.score_test):
            return []
        last = len(self.net.classes) - 1
        number = self.recipe.targets == "number"
        named = f"outputs[:, 0].round().clip(0, {last})" if number else "outputs.argmax(1)"
        given = ", *fitted: Tensor" if self.fitting else ""
        return [
            f"""@torch.no_grad()
def score(net: nn.Module, images: Tensor, labels: Tensor, part: np.ndarray{given}) -> tuple[float, float]:
    \"\"\"Mean loss and accuracy in eval mode.\"\"\"
    net.eval()
    loss, right = 0.0, 0
    for index in torch.from_numpy(part).split({SCORED}):
        outputs = net(prepared(images[index]{self.fitted}))
        loss += {self.criterion}(outputs, TARGETS[labels[index]])[0].item() * len(index)
        right += ({named} == labels[index]).sum().item()
    return loss / len(part), right / len(part)"""
        ]

    @property
    def criterion(self) -> str:
        """The name of the loss's function."""
        return LOSSES[self.recipe.loss.split()[0]].__name__

    def main(self) -> str:
        """The function that trains."""
        recipe = self.recipe
        valid = self.net.counts["valid"]
        lines = [f"torch.set_num_threads({recipe.threads})", "images, labels = read_data()"]
        if valid:
            lines += [
                "chosen = picked(labels[:-TEST], VALID, rng(SPLIT))",
                "train, valid = np.flatnonzero(~chosen), np.flatnonzero(chosen)",
            ]
        else:
            lines.append("train = np.arange(len(labels) - TEST)")
        if recipe.images:
            lines.append(f"train = np.sort(train[balanced(labels[train], rng(SPLIT, place=1))[:{recipe.images}]])")
        if self.fitting:
            k = f", {self.net.input[0]}" if self.fitting == "projection" else ""
            lines.append(f"fitted = {self.fitting}(images[train]{k})")
        lines += [
            "images, labels = torch.from_numpy(images), torch.from_numpy(labels)",
            "net = make_net()",
            f"optimizer = {optimizer(make_rule(recipe))}",
            *["coins = rng(TURN).integers(0, 2, len(labels))"] * self.turning,
            *["losses: list[float] = []"] * self.waits,
        ]
        lowest = recipe.monitor == "valid/loss"
        if valid:
            lines.append(f'best, kept = float("{"" if lowest else "-"}inf"), {{}}')
            lines += ["best_epoch = -1"] * bool(recipe.patience)
        lines += [
            "for epoch in range(EPOCHS):",
            "    order = torch.from_numpy(rng(SHUFFLE, epoch).permutation(train))",
            "    net.train()",
            "    for place in range(STEPS):",
            *(f"        {line}" for line in self.step()),
            *(f"    {line}" for line in (self.judge() if valid else ['print(f"epoch {epoch + 1} of {EPOCHS}")'])),
        ]
        lines.append("net.load_state_dict(kept)" if valid and recipe.score_test else "")
        if recipe.score_test:
            lines.append(f"loss, accuracy = score(net, images, labels, np.arange(len(labels))[-TEST:]{self.fitted})")
            lines.append('print(f"test: loss {loss:.4f}, accuracy {accuracy:.4f}")')
        saved = "kept" if valid else "net.state_dict()"
        lines += [
            f"weights = {{name: values.numpy() for name, values in {saved}.items()}}",
            'np.savez(Path(__file__).with_suffix(".weights.npz"), allow_pickle=False, **weights)',
        ]
        return (
            'def main() -> None:\n    """Train, and write the best weights."""\n'
            + indented(filter(None, lines), 4)
            + '\n\n\nif __name__ == "__main__":\n    main()'
        )

    def step(self) -> Iterator[str]:
        """The lines of a step."""
        recipe, drops = self.recipe, any(isinstance(layer, a.Dropout) for layer in flat(self.net.arch))
        changing = recipe.schedule.strip() != "constant"
        names = ["Dropout.step"] * drops + ["step"] * bool(self.augments or changing)
        yield "index = order[place * BATCH : (place + 1) * BATCH]"
        if names:
            yield " = ".join([*names, "epoch * STEPS + place"])
        if changing:
            yield f'optimizer.param_groups[0]["lr"] = rate(step{", losses" if self.waits else ""})'
        turns = ", epoch + coins[index]" if self.turning else ""
        seen = f"augmented(images, index, step{turns})" if self.augments else "images[index]"
        yield f"outputs = net(prepared({seen}{self.fitted}))"
        yield f"_, gradient = {self.criterion}(outputs.detach(), TARGETS[labels[index]])"
        yield "optimizer.zero_grad()"
        yield "outputs.backward(gradient)"
        if recipe.l1 or recipe.l2:
            terms = [f"{recipe.l1} * w.detach().sign()"] * bool(recipe.l1) + [f"{2 * recipe.l2} * w.detach()"] * bool(
                recipe.l2
            )
            yield "for w in net.parameters():"
            yield "    if w.ndim > 1:"
            yield f"        w.grad += {' + '.join(terms)}"
        if recipe.clip:
            yield "norm = nn.utils.get_total_norm([w.grad for w in net.parameters()]).item()"
            yield f"if norm > {recipe.clip}:"
            yield "    for w in net.parameters():"
            yield f"        w.grad *= {recipe.clip} / norm"
        yield "optimizer.step()"

    def judge(self) -> Iterator[str]:
        """The lines at the end of an epoch: whether it is the best so far, and whether it was the last."""
        recipe = self.recipe
        yield f"loss, accuracy = score(net, images, labels, valid{self.fitted})"
        yield 'print(f"epoch {epoch + 1}: validation loss {loss:.4f}, accuracy {accuracy:.4f}")'
        if self.waits:
            yield "losses.append(loss)"
        if recipe.monitor == "valid/loss":
            value, better = "loss", "loss < best" + (f" - {recipe.min_delta}" if recipe.min_delta else "")
        else:
            value, better = "accuracy", "accuracy > best" + (f" + {recipe.min_delta}" if recipe.min_delta else "")
        yield f"if {better}:"
        yield f"    best, kept = {value}, deepcopy(net.state_dict())"
        if recipe.patience:
            yield "    best_epoch = epoch"
            yield f"elif epoch - best_epoch >= {recipe.patience}:"
            yield "    break"


def indented(lines: Iterable[str], by: int) -> str:
    """The lines one below the other."""
    return "\n".join(" " * by + line for line in lines)
