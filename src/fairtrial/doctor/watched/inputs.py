"""Inputs: which source they come from, and which of the evaluated ones training saw too."""

from __future__ import annotations

from types import FrameType
from typing import TYPE_CHECKING

from torch import Tensor

from fairtrial.doctor import tensors
from fairtrial.doctor.lines import lines_above
from fairtrial.doctor.observations import Loader, Shared
from fairtrial.doctor.watched.part import Part

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

ROW_BYTES = 16_000_000  # of a source's inputs that are looked at one by one


class Inputs(Part):
    """What models are given, and where it comes from."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.source = 0
        self.batch: tuple[int, int] | None = None  # loader and size of the last batch
        self.sites: dict[tuple[tuple[str, ...], int], int] = {}
        self.rows: dict[int, set[int]] = {}
        self.bytes: dict[int, int] = {}
        self.trained_rows: list[int] = []
        self.trained_sources: set[int] = set()
        self.repeats = 0

    def note(self, given: Tensor | None, learning: bool, frame: FrameType) -> None:
        """Where the inputs come from, and what they are, for the first megabytes of each source."""
        if given is None:
            self.source = 0
            return
        if self.batch is not None and self.batch[1] == len(given):
            self.source = self.batch[0]
        elif learning:
            self.source = 0
        else:  # cut by hand: the first batch that this call of the user's functions saw stands for all of them
            lines = list(lines_above(frame))
            site = (tuple(lines[1:] or lines), self.watch.backwards)
            if site not in self.sites:
                self.sites = {site: tensors.digest(given)}
            self.source = self.sites[site]
        if learning and self.source:
            self.trained_sources.add(self.source)
        part = 1 if learning else self.source
        if learning:
            self.trained_sources.add(self.source)
        if self.bytes.get(part, 0) > ROW_BYTES:
            return
        self.bytes[part] = self.bytes.get(part, 0) + given.numel() * given.element_size()
        if learning:
            digests = tensors.row_digests(given)
            self.trained_rows += digests
            self.repeats += len(digests) - len(set(digests))
        else:
            self.rows.setdefault(self.source, set()).update(tensors.row_digests(given))

    def finish(self) -> None:
        """Which evaluated inputs training saw."""
        trained = set(self.trained_rows)
        parts = {
            loader.loader: (loader.base, loader.indices) for loader in self.watch.journal if isinstance(loader, Loader)
        }
        for source, rows in self.rows.items():
            seen = Shared(
                step=self.watch.steps,
                where=None,
                source=source,
                trained=len(self.trained_rows),
                repeats=self.repeats,
                evaluated=len(rows),
                shared=len(rows & trained),
                same_part=source in self.trained_sources
                or (source in parts and any(parts.get(other) == parts[source] for other in self.trained_sources)),
            )
            self.watch.note(seen)
