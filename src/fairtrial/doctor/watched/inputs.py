"""Inputs: which source they come from, and which of the evaluated ones training saw too."""

from __future__ import annotations

from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fairtrial.doctor import tensors
from fairtrial.doctor.lineage import Call, calls_in
from fairtrial.doctor.lines import lines_above, source
from fairtrial.doctor.observations import Loader, Look, Shared
from fairtrial.doctor.watched.part import Part

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

ROW_BYTES = 16_000_000  # of a source's inputs that are looked at one by one
ALL_BYTES = 128_000_000  # of all sources'


@dataclass
class _Cut:
    """A part of the data that the script cuts into batches by hand: the first batch stands for it."""

    source: int  # digest
    rows: int
    over: bool = False  # a smaller batch came: the last one


class Inputs(Part):
    """What models are given, and where it comes from."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.source = 0
        self.batch: tuple[int, int, Tensor | None] | None = None  # the last one's loader, size and labels
        self.sites: dict[tuple[tuple[Call, ...], int], _Cut] = {}
        self.rows: dict[int | str, list[int]] = {}  # digests, of a source; with gradients of a line
        self.bytes: dict[int | str, int] = {}
        self.fed: dict[str, set[int]] = {}  # the sources that fed a line
        self.learned: set[str] = set()  # lines whose passes teach
        self.repeats = 0  # within batches
        self.looked: set[tuple[int, int]] = set()

    def note(self, given: Tensor | None, model: int, where: str | None, frame: FrameType, training: bool) -> None:
        """Where the inputs come from, and what they are, for the first megabytes of each source."""
        self.source = 0
        if given is None:
            return
        grad = torch.is_grad_enabled()
        judged = not (grad and training)
        if self.batch is not None and self.batch[1] == len(given):
            self.source = self.batch[0]
        elif judged:  # cut by hand: the first batch that this call of the user's functions saw stands for all of them
            calls = calls_in(frame)
            site = (calls[1:] or calls, self.watch.backwards)
            known = self.sites.get(site)
            if known is None or len(given) > known.rows or known.over:
                self.sites = {site: (known := _Cut(tensors.digest(given), len(given)))}
            known.over = len(given) < known.rows
            self.source = known.source
        if judged and (self.source, self.watch.backwards) not in self.looked:
            self.looked.add((self.source, self.watch.backwards))
            callers = tuple((line, source(line)) for line in lines_above(frame))
            self.watch.note(Look(step=self.watch.steps, where=where, model=model, source=self.source, callers=callers))
        part = self.source if not grad else where or ""
        if grad:
            self.fed.setdefault(where or "", set()).add(self.source)
        size = given.numel() * given.element_size()
        if self.bytes.get(part, 0) <= ROW_BYTES and sum(self.bytes.values()) <= ALL_BYTES:
            self.bytes[part] = self.bytes.get(part, 0) + size
            digests = tensors.row_digests(given)
            self.rows.setdefault(part, []).extend(digests)
            if grad:
                self.repeats += len(digests) - len(set(digests))

    def finish(self) -> None:
        """Which evaluated inputs training saw."""
        lines = {line: rows for line, rows in self.rows.items() if line in self.learned}
        trained = {row for rows in lines.values() for row in rows}
        fed = {source for line in self.learned for source in self.fed.get(line, ()) if source}
        used = {one.loader: (one.base, one.indices) for one in self.watch.journal if isinstance(one, Loader)}
        parts: dict[int, set[int]] = {}
        for number, (origin, held) in enumerate(self.rows.items(), 1):
            if origin in self.learned:
                continue
            rows = set(held)
            same = next((n for n, part in parts.items() if 2 * len(rows & part) > min(len(rows), len(part))), number)
            parts.setdefault(same, set()).update(rows)
            known = used.get(origin) if isinstance(origin, int) else None
            self.watch.note(
                Shared(
                    step=self.watch.steps,
                    where=origin if isinstance(origin, str) else None,
                    source=origin if isinstance(origin, int) else 0,
                    part=same,
                    trained=sum(map(len, lines.values())),
                    repeats=self.repeats,
                    evaluated=len(rows),
                    shared=len(rows & trained),
                    same_part=origin in fed or (known is not None and any(used.get(one) == known for one in fed)),
                )
            )
