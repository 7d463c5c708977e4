"""Wherever a disk fails, tears, forgets or is left in the middle, the next start ends in the same bits."""

from __future__ import annotations

import errno
from pathlib import Path

import disk as campaign
import pytest
from watched_disk import Operation

from conftest import tiny
from fairtrial.disk import Disk, put

FILE = Path("f")


RECIPE = tiny(model="flatten, linear 2, linear classes", epochs=1, save_every=3)


def test_a_training_survives_every_state_that_a_crash_may_leave(tmp_path: Path) -> None:
    count, wrong = campaign.states(RECIPE, tmp_path)
    assert not wrong
    assert set(count) == {"before", "torn", "unsynced lost", "one lost", "zeros"}
    assert count.total() > 80


def test_a_training_survives_every_operation_that_fails(tmp_path: Path) -> None:
    count, wrong = campaign.failures(RECIPE, tmp_path, errors=(errno.EIO,))
    assert not wrong
    assert count.total() > 80


def test_no_bit_and_no_length_of_a_state_is_taken_for_another() -> None:
    count, wrong = campaign.flips()
    assert not wrong
    assert count["bit turned"] > 65_000


def test_no_random_bit_of_a_state_of_megabytes_may_be_turned(tmp_path: Path) -> None:
    size, wrong = campaign.large_flips(campaign.LARGE.model_copy(update={"data": "digits"}), tmp_path, 100)
    assert not wrong
    assert size > 200_000


def test_states_after_a_crash_are_those_that_a_file_system_may_leave() -> None:
    log = [
        Operation("append", FILE, b"first\n"),
        Operation("append", FILE, b"second\n", durable=True),
        Operation("write", Path("part"), bytes(1000)),
        Operation("rename", Path("part"), new=Path("whole")),
        Operation("sync_folder", Path()),
    ]
    left = {(crash.kind, crash.at): crash.left for crash in campaign.crashes(log)}
    assert left["before", 5] == log
    assert left["unsynced lost", 1] == []
    assert ("unsynced lost", 2) not in left  # the second line took the first with it
    assert left["zeros", 1] == [Operation("append", FILE, bytes(6))]
    assert left["unsynced lost", 4] == log[:3]  # the rename is not durable yet
    assert ("unsynced lost", 5) not in left
    torn = [crash.left[-1].data for crash in campaign.crashes(log) if crash.kind == "torn" and crash.at == 2]
    assert [len(data) for data in torn] == [0, 1, 512, 999]


def test_a_file_is_put_whole_and_what_was_there_stays_where_it_cannot_be(tmp_path: Path) -> None:
    class Full(Disk):
        def rename(self, old: Path, new: Path) -> None:
            raise OSError(28, "No space left on device")

    path = tmp_path / "new" / "file"
    put(path, b"old", Disk())
    with pytest.raises(OSError, match="No space"):
        put(path, b"new", Full())
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == {"file": b"old"}
