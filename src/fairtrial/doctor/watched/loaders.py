"""Data loaders: the dataset under each, and its first batches."""

# What modules, optimizers and frames are like inside is torch's and Python's own business, and what is looked at here.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from types import FrameType
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.utils.data import Dataset, RandomSampler, SequentialSampler, Subset

from fairtrial.doctor import tensors
from fairtrial.doctor.identity import ByIdentity
from fairtrial.doctor.observations import Batch, Loader
from fairtrial.doctor.watched.part import OFTEN, Part, careful
from fairtrial.doctor.watched.workers import streams

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch


class Loaders(Part):
    """Loaders and their batches."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.rounds: ByIdentity[list[int]] = ByIdentity()
        self.ordered: ByIdentity[Dataset[Any]] = ByIdentity()  # what iterators read in order for the first time
        self.begun: dict[str, str] = {}  # random streams before such a reading

    @careful
    def on_loader(self, loader: Any, iterator: object, where: str | None, frame: FrameType) -> None:
        """A loader is iterated."""
        first = loader not in self.watch.serials
        serial = self.watch.serial(loader)
        self.rounds[iterator] = [serial, self.watch.count(("round", serial)), 0]
        self.watch.sources.note("loader", where, frame)
        if not first:
            return
        if isinstance(loader.sampler, SequentialSampler) and not loader.num_workers:
            self.ordered[iterator] = loader.dataset
        base, indices = _under(loader.dataset)
        self.watch.workers.on_loader(loader, serial, where, base)
        self.watch.note(
            Loader(
                step=self.watch.steps,
                where=where,
                loader=serial,
                dataset=self.watch.serial(loader.dataset),
                base=self.watch.serial(base),
                length=len(loader.dataset) if hasattr(loader.dataset, "__len__") else 0,
                batch=loader.batch_size or 0,
                drop_last=loader.drop_last,
                workers=loader.num_workers,
                shuffled=isinstance(loader.sampler, RandomSampler),
                indices=indices,
                classes=_class_map(base),
            )
        )

    @careful
    def before_batch(self, iterator: object) -> None:
        """A loader is about to give a batch."""
        dataset = self.ordered.get(iterator)
        self.begun = {} if dataset is None or self.rounds[iterator][2] else streams(dataset)

    @careful
    def on_batch(self, iterator: object, batch: Any) -> None:
        """A loader gave a batch."""
        known = self.rounds.get(iterator)
        if known is None:
            return
        serial, turn, number = known
        known[2] += 1
        first = batch[0] if isinstance(batch, list | tuple) and batch else None
        labels = batch[1] if isinstance(batch, list | tuple) and len(batch) == 2 else None
        held = labels if isinstance(labels, Tensor) else None
        self.watch.inputs.batch = (serial, len(first), held) if isinstance(first, Tensor) else None
        self.watch.blends.batch = first if self.watch.full and isinstance(first, Tensor) else None
        if turn < OFTEN and number < OFTEN and isinstance(first, Tensor) and held is not None:
            now = streams(self.ordered[iterator]) if self.begun else {}
            self.watch.note(
                Batch(
                    step=self.watch.steps,
                    loader=serial,
                    round=turn,
                    place=number,
                    images=tensors.digest(first),
                    labels=tuple(held.tolist()) if held.dim() == 1 and not held.is_floating_point() else (),
                    drawn=tuple(name for name, state in now.items() if self.begun.get(name) != state),
                )
            )


def _under(dataset: Dataset[Any]) -> tuple[Dataset[Any], frozenset[int] | None]:
    """The dataset under all subsets, and which of its items are used; None: all."""
    indices: list[int] | None = None
    while isinstance(dataset, Subset):
        inner = [int(i) for i in dataset.indices]
        indices = inner if indices is None else [inner[i] for i in indices]
        dataset = dataset.dataset
    return dataset, None if indices is None else frozenset(indices)


def _class_map(dataset: Any) -> tuple[tuple[str, int], ...]:
    known = vars(dataset).get("class_to_idx") if hasattr(dataset, "__dict__") else None
    return tuple(sorted((str(k), int(v)) for k, v in known.items())) if isinstance(known, dict) else ()
