"""Examples: the first inputs and labels that training saw, and what their neighbours say of the labels."""

from __future__ import annotations

import math
import weakref
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from fairtrial.doctor import tensors
from fairtrial.doctor.lines import place
from fairtrial.doctor.observations import Alike, Neighbours, Order
from fairtrial.doctor.watched.part import Part, careful

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

MOST = 1200  # examples that are kept
FEATURES = 256  # of each at most: pictures are made smaller
NEAREST = 20  # neighbours that are asked for an example's label
FEW = 300  # examples of which nothing can be said
HELD = 256  # evaluated inputs that are kept
CLOSE, FAR = 8, 40  # neighbours among which copies are looked for; up to which distances tell the dimension
RARE = 0.02  # share of inputs that have a jump among the distances of their neighbours by chance


Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


class Examples(Part):
    """Inputs and labels of the first round through the training data; of token numbers the labels alone."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.inputs: list[Floats] = []
        self.labels: list[int] = []
        self.batches: dict[int, list[int]] = {}  # the labels of each step
        self.met: set[int] = set()
        self.given: Any = None  # the inputs of the last pass
        self.where: str | None = None
        self.complete = False
        self.table = False
        self.held: list[Floats] = []  # evaluated, and not taught before
        self.held_at: str | None = None

    @careful
    def on_loss(self, target: Tensor, frame: FrameType) -> None:
        """A loss compares what the model made of its last inputs with labels."""
        self.watch.sources.note("labels", place(frame), frame, 1)
        given = self.given and self.given()
        labels = _classes(target.detach())
        if given is None or labels is None or len(labels) != len(given) or given.dim() < 2:
            return
        digests = tensors.row_digests(given)
        self.complete = any(digest in self.met for digest in digests) or len(self.met) >= MOST
        if self.complete:
            return
        self.met.update(digests)
        self.where, self.table = place(frame), given.dim() == 2
        self.labels += labels.tolist()
        step = self.watch.steps if self.watch.optimizers.optimizers else self.watch.backwards
        self.batches.setdefault(step, []).extend(labels.tolist())
        if given.is_floating_point():
            with self.watch.apart(), torch.no_grad():
                self.inputs.append(_flat(given.detach()))

    def note(self, given: Tensor | None, where: str | None) -> None:
        """What a model was given."""
        self.given = None if given is None else weakref.ref(given)
        room = HELD - sum(map(len, self.held))
        if given is None or torch.is_grad_enabled() or not room or self.held_at not in (None, where):
            return
        if given.is_floating_point() and given.dim() > 1:
            some = given.detach()[:room]
            new = [n for n, digest in enumerate(tensors.row_digests(some)) if digest not in self.met]
            if new:
                self.held_at = where
                self.held.append(_flat(some[new]))

    def finish(self) -> None:
        """What the neighbours say."""
        if self.labels:
            batches = tuple(map(tuple, self.batches.values()))
            self.watch.note(Order(step=self.watch.steps, where=self.where, batches=batches))
        if len({x.shape[1] for x in self.inputs}) != 1 or sum(map(len, self.inputs)) != len(self.labels):
            return
        x, y = np.concatenate(self.inputs), np.array(self.labels)
        if len(y) >= FEW and 1 < len(set(self.labels)) <= len(y) / NEAREST and bool(np.isfinite(x).all()):
            self.watch.note(self.neighbours(x - x.mean(0), y))
            if sum(map(len, self.held)) >= 50 and {h.shape[1] for h in self.held} == {x.shape[1]}:
                self.compare(x.astype(np.float64), np.concatenate(self.held).astype(np.float64))

    def compare(self, x: Doubles, held: Doubles) -> None:
        """How many evaluated inputs have taught ones that are nearer than what is around them lets expect.

        Where inputs fill d dimensions evenly, the next neighbour is more than g times as far in a share of g^-d.
        """
        square = (held * held).sum(1)[:, None] + (x * x).sum(1) - 2 * held @ x.T
        far = np.sqrt(np.sort(np.maximum(square, 0), 1)[:, : FAR + 1])
        far = far[far[:, 0] > 1e-6 * far[:, FAR]]
        if not len(far) or (wide := float(np.median(far[:, FAR] / far[:, FAR // 4]))) <= 1:
            return
        jump = RARE ** (-math.log(wide) / math.log(4))
        alike = (far[:, 1 : CLOSE + 1] / far[:, :CLOSE]).max(1) > jump
        self.watch.note(
            Alike(step=self.watch.steps, where=self.held_at, count=len(far), alike=int(alike.sum()), jump=jump)
        )

    def neighbours(self, x: Floats, y: Whole) -> Neighbours:
        """How often a line through the data, and the nearest examples, tell a label that was kept from them."""
        x = x / (x.std(0) + 1e-6) if self.table else x
        classes, y = np.unique(y, return_inverse=True)
        votes = _votes(x, y, len(classes))
        purity, said = votes.max(1), votes.argmax(1)
        purest = np.argsort(-purity, kind="stable")
        parts = np.array_split(purest, 4)[:3]
        shares = np.bincount(y) / len(y)
        return Neighbours(
            step=self.watch.steps,
            where=self.where,
            count=len(y),
            chance=float(np.sum(shares**2)),
            majority=float(shares.max()),
            nearest=int((said == y).sum()),
            linear=_probe(x, y, len(classes)),
            against=tuple((int((said[part] != y[part]).sum()), len(part)) for part in parts),
        )


def _classes(target: Tensor) -> Whole | None:
    """Class numbers out of numbers or one-hot rows."""
    if target.dim() == 2 and target.shape[1] > 1:
        hot = ((target == 0) | (target == 1)).all() and (target.sum(1) == 1).all()
        return target.argmax(1).cpu().numpy() if hot else None
    flat = target.reshape(-1)
    whole = not flat.is_floating_point() or bool((flat == flat.round()).all())
    return flat.long().cpu().numpy() if whole and flat.shape == target.shape[:1] else None


def _small(given: Tensor) -> Tensor:
    """Pictures of few enough numbers; of other inputs every so many-th number."""
    size = given[0].numel()
    if size <= FEATURES:
        return given
    if given.dim() == 4:
        return functional.avg_pool2d(given, min(math.ceil(math.sqrt(size / FEATURES)), *given.shape[2:]))
    return given.flatten(1)[:, :: math.ceil(size / FEATURES)]


def _flat(given: Tensor) -> Floats:
    """A row of numbers for each input."""
    return _small(given.float().cpu()).flatten(1).numpy().copy()


def _votes(x: Floats, y: Whole, classes: int) -> Whole:
    """How many of an example's nearest others have each label."""
    square = (x * x).sum(1)
    found: list[Whole] = []
    for part in np.array_split(np.arange(len(x)), max(len(x) // 250, 1)):
        far = square[part, None] + square[None] - 2 * x[part] @ x.T
        far[np.arange(len(part)), part] = np.inf
        near = np.argpartition(far, NEAREST, axis=1)[:, :NEAREST]
        found.append(np.stack([np.bincount(row, minlength=classes) for row in y[near]]))
    return np.concatenate(found)


def _probe(x: Floats, y: Whole, classes: int) -> int:
    """Right answers of ridge regression on the labels, each half judged by the other."""
    right, halves = 0, np.arange(len(x)) % 2 == 0
    x = np.concatenate([x / (x.std() + 1e-6), np.ones((len(x), 1), np.float32)], 1)
    for fit in (halves, ~halves):
        gram = x[fit].T @ x[fit] + 0.1 * fit.sum() * np.eye(x.shape[1], dtype=np.float32)
        weight = np.linalg.solve(gram, x[fit].T @ np.eye(classes, dtype=np.float32)[y[fit]])
        right += int(((x[~fit] @ weight).argmax(1) == y[~fit]).sum())
    return right
