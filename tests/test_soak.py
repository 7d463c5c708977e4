"""Run after run, nothing stays open and every end is the right one: a small part of `campaigns/soak.py`."""

from __future__ import annotations

import random
import sys
from itertools import islice

import pytest
import soak


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted in /proc")
def test_short_runs_end_as_they_should_and_leave_no_descriptor() -> None:
    runs, notes = soak.alone("numpy", random.Random(2)), soak.Notes()
    next(runs)
    notes.take(1)
    assert [said for said in islice(runs, 12) if said != ["runs"]] == []
    notes.take(13)
    assert notes.descriptors == 0
