"""Where the time of a run went, and how much of what the machine can do it reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairtrial.report.tables import Table, table
from fairtrial.report.wording import duration, percent
from fairtrial.spec.arch import Arch, Shape, summary
from fairtrial.spec.arch_text import read_arch
from fairtrial.store import Record

PRODUCTS = ("forward", "backward")  # the parts in which the net multiplies
MEANING = {
    "start": "imports, reading the data, making the net",
    "data": "gathering, augmenting and scaling batches",
    "forward": "outputs and loss",
    "backward": "gradients",
    "optimizer": "penalties, the update, counting",
    "evaluation": "scores of the parts of the data",
    "disk": "events, weights and states, with fsync",
}


@dataclass(frozen=True)
class Profile:
    """Seconds of one call by part; `work` and `machine` are multiply-adds, of an image and in a second."""

    record: Record
    seconds: Mapping[str, float]
    images: int  # in training steps
    work: int | None  # forward and backward; None for a module of one's own
    machine: float

    @property
    def reached(self) -> float | None:
        """Multiply-adds a second in the parts that multiply."""
        spent = sum(self.seconds[part] for part in PRODUCTS)
        return self.images * self.work / spent if self.work and spent else None

    def plain(self) -> dict[str, Any]:
        """What `run --json --profile` adds; an operation is a multiplication or an addition."""
        return {
            "seconds": {part: round(value, 6) for part, value in self.seconds.items()},
            "images": self.images,
            "operations_per_image": None if self.work is None else 2 * self.work,
            "operations_per_second": None if self.reached is None else round(2 * self.reached),
            "machine_operations_per_second": round(2 * self.machine),
            "share_of_machine": None if self.reached is None else round(self.reached / self.machine, 4),
        }

    def said(self) -> str:
        """How much of the machine was used, in a sentence."""
        if self.reached is None:
            return "how much there is to multiply is known of fairtrial's own layers only"
        recipe = self.record.recipe
        threads = f"{recipe.threads} thread{'s' * (recipe.threads > 1)}"
        return (
            f"forward and backward made {2 * self.reached / 1e9:.3g} GFLOP/s, "
            f"{percent(self.reached / self.machine, 0)} of the {2 * self.machine / 1e9:.3g} of a large matrix product "
            f"here ({recipe.precision}, {threads})"
        )

    def table(self) -> Table:
        """The parts in the order of a step, with their shares."""
        total = sum(self.seconds.values())
        rows = [
            (part, duration(value), percent(value / total, 1), MEANING[part]) for part, value in self.seconds.items()
        ]
        return table("where the time went", ("part", "time", "share", "what"), rows, words=(0, 3), notes=(self.said(),))


def profile(record: Record, seconds: Mapping[str, float], images: int, machine: float) -> Profile:
    """The profile of a run that was just made."""
    text = record.made.get("arch")
    work = training_work(read_arch(text), tuple(record.made["input"])) if text else None
    return Profile(record, seconds, images, work, machine)


def training_work(arch: Arch, shape: Shape) -> int:
    """Multiply-adds of forward and backward for one image.

    Backward makes two products of the size of the forward one, for the weights and for the input; nobody asks for the
    gradient of the first layer's input.
    """
    work = [row.work for row in summary(arch, shape) if row.work]
    return 3 * sum(work) - sum(work[:1])
