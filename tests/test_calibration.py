"""The calibration campaign measures what it says: its scores have the truth it claims, its marks the right side."""

from __future__ import annotations

from pathlib import Path

import calibration
import numpy as np
import pytest
from calibration import KINDS, STEP, Grid, Kind, Share

CHANCE_SEED = 3


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_scores_have_the_mean_and_spread_that_are_claimed(kind: Kind) -> None:
    chance = np.random.default_rng(CHANCE_SEED)
    at = np.array([0.9512])
    scores = kind.scores(at, chance.standard_normal(200_000))
    floor = STEP / 2 if kind.counts else 0.0  # what rounding may add
    assert scores.mean() == pytest.approx(kind.truth(at)[0], abs=4 * kind.sd / np.sqrt(len(scores)))
    assert kind.sd * 0.98 - floor <= scores.std() <= kind.sd * 1.02 + floor
    if kind.counts:
        assert np.allclose(scores / STEP, np.round(scores / STEP))


def test_seeds_are_shared_as_much_as_is_claimed() -> None:
    z = calibration.deviates(np.random.default_rng(CHANCE_SEED), (20_000, 2, 1), 0.5)[:, :, 0]
    assert np.corrcoef(z.T)[0, 1] == pytest.approx(0.5, abs=0.02)
    assert z.std() == pytest.approx(1, abs=0.02)


def test_a_missed_target_is_marked_on_the_side_that_harms() -> None:
    assert [Share(k, 1000, (0.036, 0.064)).text for k in (20, 50, 80)] == ["2.0 <", "5.0", "8.0 !"]
    assert [Share(k, 1000, (0.93, 0.97), "below").text for k in (900, 950, 990)] == ["90.0 !", "95.0", "99.0 <"]
    assert Share(0, 0, (0.0, 0.05)).text == "-"


def test_a_figure_that_is_worse_than_chance_and_than_what_is_known_is_a_surprise() -> None:
    fine, chance, bad = Share(50, 1000, (0.0, 0.05)), Share(60, 1000, (0.0, 0.05)), Share(300, 1000, (0.0, 0.05))
    grid = Grid("errors", ("n = 3",), {"fine": (fine,), "chance": (chance,), "bad": (bad,)}, "")
    assert calibration.surprises([grid]) == ["errors | bad | n = 3: 30.0 !"]
    assert "| bad | 30.0 ! |" in grid.text


def test_the_ideal_number_is_where_power_is_80_percent() -> None:
    chance = np.random.default_rng(CHANCE_SEED)
    n = calibration.needed(1.0, 0.1)
    found = [calibration.judge(1.0 + chance.standard_normal(n), np.zeros(n), margin=0.1).verdict for _ in range(1000)]
    assert found.count("better") / 1000 == pytest.approx(0.8, abs=0.05)
    assert calibration.needed(0.3, 0.3) < 200
    assert calibration.needed(0.001, 0.0001) == 10_000


def test_studies_end_apart_or_together_and_wrong_words_are_told_from_right_ones() -> None:
    chance, truth = np.random.default_rng(CHANCE_SEED), (0, 0, -20)
    arms = 0.9 + calibration.MARGIN * np.array(truth)[:, None] + 0.001 * chance.standard_normal((3, 30))
    apart, together = (calibration.play(arms, 0.0, how) for how in (True, False))
    assert apart.seeds[2] < apart.seeds[0] == apart.seeds[1]
    assert set(together.seeds) == {apart.seeds[0]}
    assert apart.words == {(0, 1): "equivalent", (0, 2): "better", (1, 2): "better"}
    assert not apart.differs(truth)
    assert not apart.equivalent(truth)
    assert apart.differs((0, 0, 0))
    assert apart.equivalent((0, -1, -20))


def test_the_whole_campaign_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setattr(calibration, "NET", {**calibration.NET, "epochs": 1, "batch": 512})
    monkeypatch.setattr(calibration, "MOST_LOOKS", 6)
    words = ["--comparisons", "2", "--runs", "100", "--cache", str(tmp_path)]
    assert calibration.main(words) in (0, 1)  # two comparisons measure nothing
    first = capsys.readouterr().out
    assert first.count("| --- |") == 10
    assert "100 runs of one net on the digits" in first
    (kept,) = tmp_path.glob("calibration-*.json")
    before = kept.stat().st_mtime_ns
    assert calibration.real_scores(100, tmp_path).shape == (100,)
    assert kept.read_text("utf8").count(",") == 99
    assert kept.stat().st_mtime_ns >= before
    with pytest.raises(SystemExit):
        calibration.main(["--runs", "5"])


def test_the_page_shows_the_settings_that_are_measured() -> None:
    page = (Path(__file__).parent.parent / "docs" / "statistics.md").read_text("utf8")
    assert all(f"| {kind.name}; {pairing} |" in page for kind in KINDS for pairing in calibration.PAIRINGS)
    assert "\n0 figures worse than is known" in page
