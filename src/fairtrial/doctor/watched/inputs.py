"""Inputs: which source they come from, and which of the evaluated ones training saw too."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fairtrial.doctor import tensors
from fairtrial.doctor.lineage import Call, calls_in
from fairtrial.doctor.lines import lines_above, own, source
from fairtrial.doctor.observations import Loader, Look, Pool, Shared
from fairtrial.doctor.watched.part import Part
from fairtrial.doctor.watched.variables import arrays

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

ROW_BYTES = 16_000_000  # of a source's inputs that are looked at one by one
FEW = 64  # numbers of each parameter that tell whether it is another one
ALL_BYTES = 128_000_000  # of all sources'
OLD = 4  # times all inputs came again and nothing new, before they count as known
SELDOM = 8  # steps until one of inputs that are known is looked at again
SHORT = 128  # numbers of an input that may come again by chance
SAMPLE = 500  # of such inputs that tell how often
ENOUGH = 100


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
        self.distinct: dict[int | str, set[int]] = {}
        self.old: dict[int | str, int] = {}  # inputs since the last new one
        self.bytes: dict[int | str, int] = {}
        self.fed: dict[str, set[int]] = {}  # the sources that fed a line
        self.learned: set[str] = set()  # lines whose passes teach
        self.repeats = 0  # within batches
        self.repeated: tuple[int, int] = (0, 0)  # digest of what teaches, and how often it came in a row
        self.pool: tuple[str | None, set[int], set[int]] | None = None  # line, rows, and rows that they are picked from
        self.looked: set[tuple[int, int, int]] = set()
        self.seen: dict[int | str, dict[str, int]] = {}  # rows so far of each line, when a source was last judged
        self.begun: dict[str, int] = {}  # rows of each line before the same model's optimizer was last made anew
        self.first: dict[int | str, tuple[dict[str, int], dict[str, int]]] = {}  # these, and all, when first judged
        self.sample: dict[int, list[float]] = {}  # the first different short ones that were given with gradients

    def note(
        self,
        given: Tensor | None,
        model: int,
        where: str | None,
        frame: FrameType,
        training: bool,
        held: Iterable[Tensor],
    ) -> None:
        """Where the inputs come from, and what they are, for the first megabytes of each source."""
        self.source = 0
        if given is None:
            return
        rows, grad = given.shape[0], torch.is_grad_enabled()
        judged = not (grad and training)
        if self.batch is not None and self.batch[1] == rows:
            self.source = self.batch[0]
        elif judged:  # cut by hand: the first batch that this call of the user's functions saw stands for all of them
            calls = calls_in(frame)
            site = (calls[1:] or calls, self.watch.backwards)
            known = self.sites.get(site)
            if known is None or rows > known.rows or known.over:
                self.sites = {site: (known := _Cut(tensors.digest(given), rows))}
            known.over = rows < known.rows
            self.source = known.source
        if judged and (self.source, self.watch.backwards, model) not in self.looked:
            self.looked.add((self.source, self.watch.backwards, model))
            held = list(held)
            callers = tuple((line, source(line)) for line in lines_above(frame))
            weights = hash(tuple(tensors.digest(p.detach().flatten()[:FEW]) for p in held))
            seen = Look(
                step=self.watch.steps, where=where, model=model, source=self.source, callers=callers, weights=weights
            )
            self.watch.note(seen)
            self.watch.states.pointers |= {p.data_ptr(): model for p in held}
        part = self.source if not grad else where or ""
        if grad:
            self.fed.setdefault(where or "", set()).add(self.source)
        if judged:
            self.seen[part] = self.so_far()
            self.first.setdefault(part, (self.begun, self.so_far()))
        size = given.numel() * given.element_size()
        if self.bytes.get(part, 0) <= ROW_BYTES and sum(self.bytes.values()) <= ALL_BYTES:
            known, old = self.distinct.setdefault(part, set()), self.old.get(part, 0)
            if old > OLD * len(known) and (self.watch.backwards % SELDOM or tensors.row_digests(given[:1])[0] in known):
                return
            self.bytes[part] = self.bytes.get(part, 0) + size
            digests = tensors.row_digests(given)
            self.old[part] = old + rows if known.issuperset(digests) else 0
            known.update(digests)
            self.rows.setdefault(part, []).extend(digests)
            if grad:
                self.repeats += len(digests) - len(set(digests))
                self.keep(given.detach(), digests)

    def so_far(self) -> dict[str, int]:
        """How many rows each line was fed."""
        return {line: len(self.rows.get(line, ())) for line in self.fed}

    def on_again(self) -> None:
        """A model that has learned gets a new optimizer: what comes now may be meant for another one."""
        self.begun = self.so_far()
        self.old.clear()

    def keep(self, given: Tensor, digests: list[int]) -> None:
        """Some different inputs of few numbers, all of the first one's length."""
        length = given[0].numel() if given.dim() > 1 else 0
        alike = all(len(row) == length for row in itertools.islice(self.sample.values(), 1))
        if 0 < length <= SHORT and alike and len(self.sample) < SAMPLE and not given.is_complex():
            self.sample |= zip(digests, given.flatten(1).tolist(), strict=True)

    def repeat(self, digest: int, given: Tensor, where: str | None, frame: FrameType) -> None:
        """Inputs that teach: when the same ones come for the third time, what they were picked out of is looked for."""
        times = self.repeated[1] + 1 if digest == self.repeated[0] else 1
        self.repeated = digest, times
        if times != 3 or self.pool is not None:
            return
        rows = set(tensors.row_digests(given))
        with self.watch.apart():
            pools = (_rows(held, given) for held in arrays(own(frame)))
            self.pool = next(((where, rows, pool) for pool in pools if len(pool) > len(rows) and rows <= pool), None)

    def finish(self) -> None:
        """Which evaluated inputs training saw, and how many are left of those that it could have seen."""
        if self.pool is not None:
            where, rows, pool = self.pool
            judged = {row for origin, held in self.rows.items() if origin not in self.learned for row in held}
            self.watch.note(Pool(step=self.watch.steps, where=where, rows=len(rows), held=len(pool - (judged - rows))))
        lines = {line: rows for line, rows in self.rows.items() if line in self.learned}
        times = Counter(row for rows in lines.values() for row in rows)
        trained = set(times)
        fed = {source for line in self.learned for source in self.fed.get(line, ()) if source}
        used = {one.loader: (one.base, one.indices) for one in self.watch.journal if isinstance(one, Loader)}
        judged = [set(rows) for origin, rows in self.rows.items() if origin not in self.learned]
        parts: dict[int, set[int]] = {}
        whole = all(self.bytes[line] <= ROW_BYTES for line in lines) and sum(self.bytes.values()) <= ALL_BYTES
        chance = by_chance(np.array([*self.sample.values()]), len(trained)) if len(self.sample) > ENOUGH else 0.0
        for number, (origin, held) in enumerate(self.rows.items(), 1):
            if origin in self.learned:
                continue
            rows, until = set(held), self.seen.get(origin)
            before = {row for line in lines for row in lines[line][: until.get(line, 0) if until else None]}
            same = next((n for n, part in parts.items() if 2 * len(rows & part) > min(len(rows), len(part))), number)
            parts.setdefault(same, set()).update(rows)
            known = used.get(origin) if isinstance(origin, int) else None
            new = rows - before
            begun, then = self.first.get(origin, ({}, {}))
            earlier = {row for line in lines for row in lines[line][: begun.get(line, 0)]}
            later = {row for line in lines for row in lines[line][begun.get(line, 0) : then.get(line, 0)]}
            alone = (other & new for other in judged if other < rows and not 2 * len(other & before) > len(other))
            self.watch.note(
                Shared(
                    step=self.watch.steps,
                    where=origin if isinstance(origin, str) else None,
                    source=origin if isinstance(origin, int) else 0,
                    part=same,
                    trained=sum(map(len, lines.values())),
                    distinct=len(trained),
                    chance=chance,
                    repeats=self.repeats,
                    evaluated=len(rows),
                    shared=len(rows & trained),
                    known=len(rows & before),
                    earlier=len((rows & earlier) - later) if whole and later else 0,
                    same_part=origin in fed or (known is not None and any(used.get(one) == known for one in fed)),
                    apart=len(set[int]().union(*alone)),
                    met=_met(times),
                )
            )


def by_chance(rows: npt.NDArray[np.float64], others: int) -> float:
    """The share of different inputs that one of so many others equals by chance.

    Each number is as likely as it is elsewhere beside the earlier number that tells it best (Chow and Liu's tree), the
    input itself left out; so numbers that hardly ever come twice make no input likely.
    """
    codes = [np.unique(column, return_inverse=True)[1] for column in rows.T]
    likely = np.ones(len(rows))
    for number, these in enumerate(codes):
        kinds = these.max() + 1
        best, told = -np.inf, likely
        for before in (np.zeros_like(these), *codes[:number]):
            pair = before * kinds + these
            both, beside = np.bincount(pair)[pair] - 1, np.bincount(before)[before] - 1
            fit = float(np.log((both + 0.5) / (beside + 0.5 * kinds)).mean())
            if fit > best:
                best, told = fit, both / np.maximum(beside, 1)
        likely = likely * told
    return float((1 - (1 - likely) ** others).mean())


def _met(times: Counter[int]) -> float:
    """Good and Turing's estimate: what is drawn again and again is met but for the share that came once."""
    total, once = times.total(), sum(number == 1 for number in times.values())
    return 1 - once / total if len(times) < total else 1.0


def _rows(held: Any, like: Tensor) -> set[int]:
    """Digests of the rows of an array that is longer than a tensor and has rows like it; none of other things."""
    if isinstance(held, np.ndarray) and held.dtype.kind in "iufb":
        held = torch.from_numpy(np.ascontiguousarray(held))
    if not isinstance(held, Tensor) or held.dim() < 1 or len(held) <= len(like) or held.shape[1:] != like.shape[1:]:
        return set()
    if held.numel() * like.element_size() > ROW_BYTES:
        return set()
    return set(tensors.row_digests(held.detach().to(like.dtype)))
