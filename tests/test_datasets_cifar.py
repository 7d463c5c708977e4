"""CIFAR-10 is read from archives and loose files, binary or python, and nothing in them is ever run or written."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_helpers import checksum, cifar_records, outcome, tar_gz
from fairtrial.parts.datasets import DATASETS, Facts
from fairtrial.parts.datasets.cache import obtain
from fairtrial.parts.datasets.cifar import CifarSet, read_archive
from fairtrial.parts.datasets.pickled import read_batch
from fairtrial.parts.datasets.source import Remote
from fairtrial.spec.errors import DataError

NAMES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
BINS = {f"cifar-10-batches-bin/{name}.bin": cifar_records(20, seed) for seed, name in enumerate(NAMES)}
CLASSES = tuple("abcdefghij")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRTRIAL_CACHE", str(tmp_path / "cache"))


def source_for(archive: Path) -> CifarSet:
    content = archive.read_bytes() if archive.is_file() else b""
    remote = Remote("cifar-10-binary.tar.gz", len(content), checksum(content, "md5"), "file", ())
    return CifarSet("cifar10", Facts((3, 32, 32), 10), CLASSES, remote)


def loose(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, content in BINS.items():
        (folder / Path(name).name).write_bytes(content)
    return folder


def test_the_archive_is_read_without_unpacking_it(tmp_path: Path) -> None:
    archive = tar_gz(tmp_path / "cifar-10-binary.tar.gz", BINS)
    data = obtain(source_for(archive).reading(tmp_path))
    assert (data.images.shape, data.test_from, data.notes) == ((120, 32, 32, 3), 100, ())
    record = np.frombuffer(BINS["cifar-10-batches-bin/test_batch.bin"], np.uint8)[:3073]
    assert data.labels[100] == record[0]
    np.testing.assert_array_equal(data.images[100, :, :, 2].ravel(), record[1 + 2048 :])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "cifar-10-binary.tar.gz"]


@pytest.mark.parametrize("inside", ["", "cifar-10-batches-bin"])
def test_loose_files_give_the_same_data_and_say_that_they_are_unproven(tmp_path: Path, inside: str) -> None:
    archive = tar_gz(tmp_path / "cifar-10-binary.tar.gz", BINS)
    packed = obtain(source_for(archive).reading(tmp_path))
    loose(tmp_path / "unpacked" / inside)
    data = obtain(source_for(archive).reading(tmp_path / "unpacked"))
    assert data.fingerprint == packed.fingerprint
    assert "no checksum is published" in data.notes[0]


@pytest.mark.row("D5")
def test_an_archive_of_other_content_is_refused(tmp_path: Path) -> None:
    tar_gz(tmp_path / "cifar-10-binary.tar.gz", BINS)
    with pytest.raises(DataError, match=r"cifar-10-binary.*expected md5:c32a1d4ab5d03f1284b67883e8d87530, found md5:"):
        obtain(DATASETS["cifar10"].reading(tmp_path))


@pytest.mark.row("N6")
def test_a_wrong_label_names_file_and_record(tmp_path: Path) -> None:
    folder = loose(tmp_path / "cifar10")
    content = bytearray(BINS["cifar-10-batches-bin/data_batch_3.bin"])
    content[7 * 3073] = 10
    (folder / "data_batch_3.bin").write_bytes(content)
    with pytest.raises(DataError, match="data_batch_3: record 7 has label 10"):
        obtain(source_for(folder).reading(folder))


@pytest.mark.parametrize("content", [b"", cifar_records(3)[:-1], b"<html>" + cifar_records(1)])
def test_a_damaged_batch_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    folder = loose(tmp_path / "cifar10")
    (folder / "test_batch.bin").write_bytes(content)
    with pytest.raises(DataError, match="test_batch"):
        obtain(source_for(folder).reading(folder))


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    archive = tar_gz(tmp_path / "cifar-10-binary.tar.gz", BINS)
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(DataError, match="cifar-10-binary"):
        read_archive(archive)


def test_an_archive_whose_sum_is_wrong_is_refused(tmp_path: Path) -> None:
    archive = tar_gz(tmp_path / "cifar-10-binary.tar.gz", BINS)
    content = archive.read_bytes()
    archive.write_bytes(content[:-8] + bytes([content[-8] ^ 1]) + content[-7:])
    with pytest.raises(DataError, match="CRC"):
        read_archive(archive)


def test_an_archive_that_lacks_a_batch_is_refused(tmp_path: Path) -> None:
    some = {name: content for name, content in BINS.items() if "batch_4" not in name}
    with pytest.raises(DataError, match="data_batch_4 not in the archive"):
        read_archive(tar_gz(tmp_path / "some.tar.gz", some))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
@pytest.mark.row("X4")
def test_a_member_that_is_no_plain_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "linked.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
        member.type, member.linkname = kind, "/etc/hostname"
        archive.addfile(member)
    with pytest.raises(DataError, match="unsafe content"):
        read_archive(path)


@pytest.mark.row("X4")
def test_members_that_point_outside_write_nothing(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    outside = {"../outside.bin": b"x", str(tmp_path / "absolute.bin"): b"x"}
    assert set(read_archive(tar_gz(inner / "a.tar.gz", outside | BINS))) == set(NAMES)
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]


@pytest.mark.row("X5")
def test_an_archive_that_unpacks_without_end_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        member = tarfile.TarInfo("zeros")
        member.size = 210_000_000
        archive.addfile(member, _Zeros())
    with pytest.raises(DataError, match="unpacks to over"):
        read_archive(path)


@pytest.mark.row("X5")
def test_an_archive_of_countless_members_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="more than 100 members"):
        read_archive(tar_gz(tmp_path / "many.tar.gz", {f"file-{number}": b"" for number in range(200)}))


class _Zeros(io.RawIOBase):
    def read(self, count: int = -1) -> bytes:
        return bytes(count)


def old_pickle(labels: list[int], pixels: bytes) -> bytes:
    """A batch as Python 2 wrote it: byte strings, and an array through numpy's old name."""
    text = lambda word: b"U" + bytes([len(word)]) + word  # noqa: E731
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85" + text(b"b") + b"\x87R"
        + b"(K\x01" + b"M" + struct.pack("<H", len(labels)) + b"M\x00\x0c\x86"
        + b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R"
        + b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + b"\x89" + b"T" + struct.pack("<i", len(pixels)) + pixels + b"tb"
    )  # fmt: skip
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}q\x00(" + text(b"labels") + numbers + text(b"data") + array + b"u."


def test_python_2_batches_are_read() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3072), dtype=np.uint8)
    content = old_pickle([3, 1, 4, 1], pixels.tobytes())
    np.testing.assert_array_equal(pickle.loads(content, encoding="bytes")[b"data"], pixels)  # it is a real pickle
    found, labels = read_batch(content, "data_batch_1")
    np.testing.assert_array_equal(found, pixels)
    assert list(labels) == [3, 1, 4, 1]


@pytest.mark.parametrize("protocol", [2, 4])
def test_python_3_batches_are_read(protocol: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3072), dtype=np.uint8)
    batch = {b"batch_label": b"one", b"labels": [0, 9, 2, 300], b"data": pixels, b"filenames": ["a", "b"]}
    found, labels = read_batch(pickle.dumps(batch, protocol), "data_batch_1")
    np.testing.assert_array_equal(found, pixels)
    assert list(labels) == [0, 9, 2, 300]


def test_arrays_that_come_through_an_unknown_function_are_refused() -> None:
    pixels = np.zeros((1, 3072), np.uint8)
    with pytest.raises(DataError, match=r"unsafe content.*_frombuffer"):
        read_batch(pickle.dumps({"data": pixels, "labels": [0]}, protocol=5), "data_batch_1")


def test_pixels_stored_by_columns_are_refused() -> None:
    pixels = np.asfortranarray(np.arange(2 * 3072).astype(np.uint8).reshape(2, 3072))
    with pytest.raises(DataError, match="row by row"):
        read_batch(pickle.dumps({"data": pixels, "labels": [0, 1]}, protocol=2), "data_batch_1")


@pytest.mark.parametrize(
    "batch", [{"labels": [1]}, {"data": [1], "labels": [1]}, {"data": np.zeros((2, 3072), np.uint8), "labels": [1]}, []]
)
def test_a_pickle_that_is_no_batch_is_refused(batch: object) -> None:
    with pytest.raises(DataError, match="test_batch"):
        read_batch(pickle.dumps(batch, protocol=2), "test_batch")


class _Touch:
    """What an attacker would put into a pickle."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.row("D8")
def test_code_in_a_pickle_is_refused_and_never_run(tmp_path: Path, protocol: int) -> None:
    folder = loose(tmp_path / "cifar10")
    for path in folder.iterdir():
        path.unlink()
    for name in NAMES:
        batch = {"data": _Touch(tmp_path / "ran"), "labels": [1]}
        (folder / name).write_bytes(pickle.dumps(batch, protocol))
    with pytest.raises(DataError, match=r"data_batch_1: unsafe content"):
        obtain(source_for(folder).reading(folder))
    assert not (tmp_path / "ran").exists()


GOOD = old_pickle([3, 1], bytes(2 * 3072))


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 200), junk=st.binary(min_size=1, max_size=8), replace=st.booleans())
def test_no_pickle_fails_in_another_way(place: int, junk: bytes, replace: bool) -> None:
    content = GOOD[:place] + junk + GOOD[place + (len(junk) if replace else 0) :]
    found = outcome(lambda: read_batch(content, "file"))
    assert "file: " in str(found) if isinstance(found, DataError) else found[0].shape == (len(found[1]), 3072)
