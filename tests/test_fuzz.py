"""Every reader takes or refuses what it is given, whatever that is: a small part of `campaigns/fuzz.py`."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import fuzz
import pytest

from conftest import CAMPAIGNS

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


@pytest.mark.skipif(find_spec("atheris") is None, reason='needs atheris: pip install "fairtrial[fuzz]"')
def test_inputs_are_made_by_coverage(tmp_path: Path) -> None:
    words = [sys.executable, str(CAMPAIGNS / "coverage_fuzz.py"), "--seconds", "2", "net", "idx"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["net", "idx"]
    assert all(int(line.split()[1].replace(",", "")) > 20 for line in lines[:2]), lines
    assert lines[2].endswith(" inputs, 0 wrong")
