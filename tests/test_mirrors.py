"""Whatever mirrors do, the published file arrives or none does: a small part of `campaigns/mirrors.py`."""

from __future__ import annotations

import random
from pathlib import Path

import mirrors
import pytest


@pytest.mark.row("D1", "D2", "D3", "D4", "D9")
def test_the_right_bytes_arrive_or_none(tmp_path: Path) -> None:
    chosen = list(mirrors.cases(12, random.Random(1)))[::5]
    memory = mirrors.peak()
    ends, longest, wrong = mirrors.campaign(chosen, tmp_path, 1.0)
    assert not wrong
    assert set(ends) == {"arrived", "refused"}
    assert longest < 15
    assert mirrors.peak() - memory < mirrors.MOST_BYTES
