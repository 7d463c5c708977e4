"""Every reader takes or refuses what it is given, whatever that is: a small part of `campaigns/fuzz.py`."""

from __future__ import annotations

from pathlib import Path

import fuzz
import pytest

READERS = fuzz.readers()


@pytest.fixture(scope="module")
def watch() -> fuzz.Watch:
    return fuzz.Watch()


@pytest.mark.parametrize("name", READERS)
def test_a_reader_takes_or_refuses(
    name: str, watch: fuzz.Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where failures would be kept
    told = fuzz.attack(name, READERS[name], 120, 1, tmp_path, watch)
    assert set(told) <= {"taken", "refused"}
    assert told["refused"] > 10


def test_what_a_reader_must_not_do_is_seen(watch: fuzz.Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    deeds = [lambda: exec("1"), lambda: (tmp_path / "out").write_bytes(b""), lambda: 1 / 0]

    def wrong(path: Path) -> None:
        data = path.read_bytes()
        if data != b"as written":
            deeds[len(data) % 3]()

    told = fuzz.attack("wrong", fuzz.Reader(wrong, [b"as written"], []), 100, 1, tmp_path, watch)
    assert {outcome.split()[0] for outcome in told} >= {"exec", "open", "ZeroDivisionError:"}
    assert len(list(Path("fuzz-failures").iterdir())) == len(told) - ("taken" in told)
