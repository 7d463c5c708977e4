"""A number that is not finite is found wherever it comes up, and never saved: a part of `campaigns/not_finite.py`."""

from __future__ import annotations

from pathlib import Path

import not_finite as campaign

from conftest import tiny


def test_a_number_that_is_not_finite_ends_the_run_and_is_never_saved(tmp_path: Path) -> None:
    model = "conv 2, norm, act, pool, flatten, linear classes"
    recipe = tiny(model=model, data="digits", average="ema 0.9", batch=64, images=448, epochs=2, save_every=4)
    told, wrong = campaign.campaign(iter([("small", recipe)]), tmp_path)
    assert not wrong
    assert all(when.total() == 3 for when in told.values())
    assert all(told[place] == {"on that step": 3} for place in campaign.BATCH)
