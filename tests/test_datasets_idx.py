"""IDX files are read whole or refused by name, whatever their bytes are."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_helpers import checksum, idx, idx_files, outcome, real_data
from fairtrial.parts.datasets import DATASETS, Facts
from fairtrial.parts.datasets.cache import obtain
from fairtrial.parts.datasets.idx import IdxSet, read_idx
from fairtrial.parts.datasets.source import Remote
from fairtrial.spec.errors import DataError

IMAGES = np.arange(60, dtype=np.uint8).reshape(3, 5, 4)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRTRIAL_CACHE", str(tmp_path / "cache"))


def made_set(folder: Path, packed: bool = True, of: str = "unpacked") -> IdxSet:
    files = idx_files(folder, packed)
    remotes = [
        Remote(
            name + ".gz",
            len(content),
            checksum(content if of == "unpacked" else gzip.compress(content, mtime=0), "md5"),
            "unpacked" if of == "unpacked" else "file",
            (),
        )
        for name, content in files.items()
    ]
    return IdxSet("made", Facts((1, 5, 4), 2), ("even", "odd"), (40, 20), tuple(remotes))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_array_comes_back(tmp_path: Path, pack: type[bytes]) -> None:
    path = tmp_path / "images"
    path.write_bytes(pack(idx(IMAGES)))
    np.testing.assert_array_equal(read_idx(path), IMAGES)


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


PACKED = gzip.compress(idx(IMAGES), mtime=0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "truncated"),
        (idx(IMAGES)[:10], "truncated"),
        (idx(IMAGES)[:-1], "truncated"),
        (idx(IMAGES) + b"x", "more bytes"),
        (idx(IMAGES, kind=0x0D), "0x0d"),
        (b"\x01\x00" + idx(IMAGES)[2:], "not an IDX file"),
        (struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1), "truncated"),
        (gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 28, 28), mtime=0), "truncated"),
        (gzip.compress(idx(IMAGES) + bytes(10_000_000), mtime=0), "more bytes"),
        (PACKED[:-9], "gzip"),
        (flipped(PACKED, len(PACKED) - 6), "gzip"),
        (PACKED + b"garbage", "gzip"),
        (b"\n<!DOCTYPE html><html>Please log in</html>", "HTML page"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
@pytest.mark.row("D6", "D7")
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "images-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=reason) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        read_idx(tmp_path / "nowhere")


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200), packed=st.booleans(), headed=st.booleans())
def test_no_bytes_make_the_reader_fail_in_another_way(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, packed: bool, headed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed"
    content = (b"\0\0\x08" + content) if headed else content
    path.write_bytes(gzip.compress(content, 1, mtime=0) if packed else content)
    found = outcome(lambda: read_idx(path))
    assert str(path) in str(found) if isinstance(found, DataError) else found.size < len(content)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, len(PACKED) - 1), value=st.integers(0, 255))
def test_one_wrong_byte_in_a_gzip_is_never_taken_for_other_images(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped"
    path.write_bytes(PACKED[:place] + bytes([value]) + PACKED[place + 1 :])
    found = outcome(lambda: read_idx(path))
    assert str(path) in str(found) if isinstance(found, DataError) else np.array_equal(found, IMAGES)


@pytest.mark.parametrize("packed", [True, False])
def test_four_files_make_a_data_set(tmp_path: Path, packed: bool) -> None:
    source = made_set(tmp_path / "made", packed)
    data = obtain(source.reading(tmp_path / "made"))
    assert (data.images.shape, data.test_from, data.classes) == ((60, 5, 4, 1), 40, ("even", "odd"))
    np.testing.assert_array_equal(data.labels, np.tile([0, 1], 30))
    assert data.notes == ()


@pytest.mark.row("D5")
def test_sound_files_that_are_not_the_published_ones_are_refused(tmp_path: Path) -> None:
    source = made_set(tmp_path / "made")
    path = tmp_path / "made" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx(np.zeros((20, 5, 4), np.uint8))))
    with pytest.raises(DataError, match=r"t10k-images.*expected md5:\w+, found md5:\w+"):
        obtain(source.reading(tmp_path / "made"))
    assert not [entry for entry in (tmp_path / "cache").iterdir() if not entry.name.endswith(".lock")]


def test_unpacked_files_whose_checksum_nobody_published_are_said_to_be_unproven(tmp_path: Path) -> None:
    source = made_set(tmp_path / "made", packed=False, of="file")
    assert "only the structure" in obtain(source.reading(tmp_path / "made")).notes[0]


@pytest.mark.row("N6")
def test_labels_outside_the_classes_name_file_and_record(tmp_path: Path) -> None:
    source = made_set(tmp_path / "made")
    wrong = idx(np.array([0, 1] * 9 + [0, 7], np.uint8))
    (tmp_path / "made" / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(wrong, mtime=0))
    remotes = (*source.files[:3], Remote("t10k-labels-idx1-ubyte.gz", 28, checksum(wrong), "unpacked", ()))
    source = IdxSet(source.name, source.facts, source.classes, source.counts, remotes)
    with pytest.raises(DataError, match=r"t10k-labels.*record 19 has label 7"):
        obtain(source.reading(tmp_path / "made"))


def test_missing_files_are_known_before_anything_is_read(tmp_path: Path) -> None:
    source = made_set(tmp_path / "made")
    (tmp_path / "made" / "train-labels-idx1-ubyte.gz").unlink()
    assert [remote.name for remote in source.missing(tmp_path / "made")] == ["train-labels-idx1-ubyte.gz"]


def test_mnist_is_the_original() -> None:
    folder = real_data("mnist")
    data = obtain(DATASETS["mnist"].reading(folder))
    assert (data.images.shape, data.test_from, data.shape) == ((70_000, 28, 28, 1), 60_000, (1, 28, 28))
    assert list(data.labels[:5]) == [5, 0, 4, 1, 9]
    # The MD5 that LeCun's files are known by, over the header and the pixels as loaded here.
    header = struct.pack(">HBB3I", 0, 8, 3, 60_000, 28, 28)
    assert hashlib.md5(header + data.images[:60_000].tobytes()).hexdigest() == "6bbc9ace898e44ae57da46a324031adb"
