"""A word names the data; the split is a stratified partition; what was decoded once is opened whole or read again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_helpers import picture_folder, real_data
from fairtrial.parts.datasets import DATASETS, Dataset, Facts, facts, fetch, inspect, load, sample_sheet
from fairtrial.spec.errors import DataError, UnknownName, UsageError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAIRTRIAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FAIRTRIAL_DATA", str(tmp_path / "data"))
    return tmp_path / "cache"


def entries(cache: Path) -> list[Path]:
    return sorted(path for path in cache.iterdir() if not path.name.endswith(".lock"))


def test_digits_are_scikit_learns_digits(cache: Path) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    data = load("digits")
    assert (data.images.shape, data.images.dtype, data.test_from) == ((1797, 8, 8, 1), np.uint8, 1437)
    theirs = datasets.load_digits()
    expected = sorted((int(label), tuple(image)) for label, image in zip(theirs.target, theirs.data, strict=True))
    images = np.round(data.images.reshape(-1, 64) * (16 / 255))
    assert sorted((int(label), tuple(image)) for label, image in zip(data.labels, images, strict=True)) == expected
    assert data.images.max() == 255


def test_digits_always_have_the_same_stratified_test_part(cache: Path) -> None:
    data = load("digits")
    assert set(np.bincount(data.labels[data.test_from :])) <= {35, 36, 37}
    # A recipe's fingerprint hangs on this: it may only change together with a line in the changelog.
    assert data.fingerprint == "a9793718241bc95219f687646e219203fb4d1910dfc3cea52bc6287de1f0202f"


@pytest.mark.parametrize("name", list(DATASETS))
def test_facts_of_registered_data_need_no_files(cache: Path, name: str) -> None:
    found = facts(name)
    assert found.classes == 10
    assert len(found.shape) == 3
    assert DATASETS[name].name == name
    assert not (cache.parent / "data").exists()


def test_digits_need_no_download(cache: Path) -> None:
    fetch("digits")
    assert facts("digits") == Facts(load("digits").shape, 10)


def test_an_unknown_word_offers_the_nearest_names(cache: Path) -> None:
    picture_folder(cache.parent / "data" / "flowers")
    for word, near in (("mnst", "mnist"), ("flower", "flowers"), ("Digits", "digits")):
        with pytest.raises(UnknownName, match=f"did you mean .*{near}") as caught:
            load(word)
        assert caught.value.exit_code == 2


def test_a_file_is_no_data_set(cache: Path) -> None:
    (cache.parent / "images.csv").write_text("x")
    with pytest.raises(DataError, match=r"images\.csv: a file"):
        load(str(cache.parent / "images.csv"))


def made(labels: list[int], test_from: int) -> Dataset:
    images = np.zeros((len(labels), 1, 1, 1), np.uint8)
    return Dataset("made", images, np.array(labels, np.int64), tuple("abcd"), test_from, "")


LABELS = st.lists(st.integers(0, 3), min_size=2, max_size=80)


@settings(max_examples=150, deadline=None)
@given(labels=LABELS, seed=st.integers(0, 2**63), share=st.floats(0, 0.9), tests=st.integers(0, 20))
def test_a_split_is_a_stratified_partition(labels: list[int], seed: int, share: float, tests: int) -> None:
    data = made([*labels, *[0] * tests], len(labels))
    if round(share * len(labels)) == len(labels) or (share and not round(share * len(labels))):
        return
    split = data.split(seed, share)
    assert sorted([*split.train, *split.valid]) == list(range(len(labels)))
    assert list(split.test) == list(range(len(labels), len(labels) + tests))
    assert len(split.valid) == round(share * len(labels))
    sizes = np.bincount(labels, minlength=4)
    taken = np.bincount(data.labels[split.valid], minlength=4)
    assert (np.abs(taken - sizes * len(split.valid) / len(labels)) < 1).all()
    for rows in (split.train, split.valid, split.test):
        assert rows.dtype == np.int64
        assert (np.diff(rows) > 0).all()


@settings(max_examples=50, deadline=None)
@given(labels=LABELS, seed=st.integers(0, 2**63), data=st.data())
def test_a_larger_validation_part_draws_the_same_images_first(
    labels: list[int], seed: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, len(labels) - 1))
    source = made(sorted(labels), len(labels))
    np.testing.assert_array_equal(source.split(seed, count).valid, source.split(seed, count).valid)
    smaller = np.bincount(source.labels[source.split(seed, count // 2).valid], minlength=4)
    larger = np.bincount(source.labels[source.split(seed, count).valid], minlength=4)
    if (smaller <= larger).all():
        assert set(source.split(seed, count // 2).valid) <= set(source.split(seed, count).valid)


@settings(max_examples=150, deadline=None)
@given(labels=LABELS, seed=st.integers(0, 2**63), valid=st.integers(0, 40), data=st.data())
def test_fewer_training_images_are_a_part_of_more_and_leave_the_other_parts_alone(
    labels: list[int], seed: int, valid: int, data: st.DataObject
) -> None:
    source = made([*labels, 0, 1], len(labels))
    whole = source.split(seed, min(valid, len(labels) - 1))
    few = data.draw(st.integers(1, len(whole.train)))
    more = data.draw(st.integers(few, len(whole.train)))
    less, larger = (source.split(seed, len(whole.valid), count) for count in (few, more))
    assert (len(less.train), len(larger.train)) == (few, more)
    assert set(less.train) <= set(larger.train) <= set(whole.train)
    assert (np.diff(less.train) > 0).all()
    for split in (less, larger):
        np.testing.assert_array_equal(split.valid, whole.valid)
        np.testing.assert_array_equal(split.test, whole.test)
    sizes, taken = (np.bincount(source.labels[rows], minlength=4) for rows in (whole.train, less.train))
    assert (np.abs(taken - sizes * few / len(whole.train)) < 2).all()


def test_fewer_training_images_have_each_class_alike_and_others_with_another_seed(cache: Path) -> None:
    alike = made([0, 1, 2, 3] * 30, 120)
    for count in (4, 7, 18, 40, 120):
        taken = np.bincount(alike.labels[alike.split(0, 0, count).train], minlength=4)
        assert max(taken) - min(taken) <= 1
    assert set(alike.split(0, 0, 40).train) != set(alike.split(1, 0, 40).train)
    with pytest.raises(UsageError, match="images=1438: the training part has 1437"):
        load("digits").split(0, 0, 1438)


def test_another_seed_is_another_split(cache: Path) -> None:
    data = load("digits")
    assert list(data.split(0, 0.1).valid) != list(data.split(1, 0.1).valid)
    assert len(data.split(0, 100).valid) == 100
    assert len(data.split(0, 0).valid) == 0
    assert len(data.split(0, 0.0).valid) == 0


@pytest.mark.parametrize("valid", [-0.1, -1, 4, 5, 1.5, float("nan"), float("inf"), 0.99])
def test_an_impossible_validation_part_is_refused(valid: float) -> None:
    with pytest.raises(UsageError, match="valid="):
        made([0, 1, 2, 3], 4).split(0, valid)


def test_a_share_that_leaves_no_validation_image_is_refused_with_the_least_one() -> None:
    data = made([0, 1, 2, 3] * 300, 1200)
    with pytest.raises(UsageError, match=r"valid=0\.0001 of 1200 images leaves none.* least share is 0\.00083"):
        data.split(0, 0.0001)
    assert len(data.split(0, 0.00083).valid) == 1


@pytest.mark.parametrize("word", ["", " "])
def test_the_empty_word_is_not_the_current_folder(word: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(picture_folder(cache.parent / "pets"))
    for read in (facts, load):
        with pytest.raises(UsageError, match="data: the word is empty"):
            read(word)
    assert load(".").classes == ("cat", "dog")


def test_broken_pictures_are_named_with_what_a_user_can_do(cache: Path) -> None:
    root = picture_folder(cache.parent / "pets")
    (root / "train" / "cat" / "1.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"1\.png(?s:.*)remove or repair them"):
        load(str(root))


@pytest.mark.parametrize("name", ["sheet.jpg", "sheet", "sheet.png.gif"])
def test_a_sheet_of_samples_is_a_png_by_name_too(name: str, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ends in \.png"):
        sample_sheet(load("digits"), tmp_path / name)
    assert not (tmp_path / name).exists()


def test_the_second_load_opens_the_same_bytes_from_the_cache(cache: Path) -> None:
    first = load("digits")
    (entry,) = entries(cache)
    assert sorted(path.name for path in entry.iterdir()) == ["dataset.json", "images.npy", "labels.npy"]
    written = (entry / "images.npy").stat().st_mtime_ns
    second = load("digits")
    assert second.fingerprint == first.fingerprint
    np.testing.assert_array_equal(first.images, second.images)
    assert (entry / "images.npy").stat().st_mtime_ns == written
    np.testing.assert_array_equal(np.load(entry / "images.npy"), first.images)


def test_writing_into_the_images_does_not_reach_the_cache(cache: Path) -> None:
    load("digits").images[:] = 0
    assert load("digits").images.max() == 255


@pytest.mark.parametrize("name", ["dataset.json", "images.npy", "labels.npy"])
@pytest.mark.parametrize("damage", ["cut", "gone", "other"])
def test_a_damaged_entry_is_read_again(cache: Path, name: str, damage: str) -> None:
    first = load("digits")
    pixels = first.images.copy()
    del first  # a mapped file cannot be replaced everywhere
    path = entries(cache)[0] / name
    if damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"{}")
    np.testing.assert_array_equal(load("digits").images, pixels)
    np.testing.assert_array_equal(load("digits").images, pixels)


@pytest.mark.row("D5")
def test_inspection_notices_a_flipped_bit_in_the_cache(cache: Path) -> None:
    good = load("digits").fingerprint
    path = entries(cache)[0] / "images.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert inspect("digits").fingerprint == good
    assert path.read_bytes() != content


def test_without_a_writable_cache_the_images_stay_in_memory(cache: Path) -> None:
    expected = load("digits")
    pixels, fingerprint = expected.images.copy(), expected.fingerprint
    del expected
    shutil.rmtree(cache)
    cache.write_text("a file where the folder should be")
    data = load("digits")
    assert data.fingerprint == fingerprint
    np.testing.assert_array_equal(data.images, pixels)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes there")
def test_a_disk_that_fills_up_leaves_nothing_behind(cache: Path) -> None:
    program = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "from fairtrial.parts.datasets import load; print(load('digits').fingerprint)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert entries(cache) == []
    assert done.stdout.strip() == load("digits").fingerprint


def test_a_changed_folder_is_read_again_and_its_old_entry_goes(cache: Path) -> None:
    root = picture_folder(cache.parent / "pets")
    before = load(str(root))
    old, fingerprint = entries(cache), before.fingerprint
    del before
    shutil.copy(root / "train" / "cat" / "1.png", root / "train" / "cat" / "0.png")
    assert load(str(root)).fingerprint != fingerprint
    assert len(entries(cache)) == 1
    assert entries(cache) != old


@pytest.mark.row("D18")
def test_a_run_keeps_its_images_whatever_happens_to_the_files(cache: Path) -> None:
    root = picture_folder(cache.parent / "pets")
    data = load(str(root))
    pixels = data.images.copy()
    shutil.rmtree(root)
    np.testing.assert_array_equal(data.images, pixels)


def test_what_a_killed_process_left_is_cleared_away(cache: Path) -> None:
    for name, days in ((".partial-old", 2), (".partial-new", 0)):
        (cache / name).mkdir(parents=True)
        os.utime(cache / name, (time.time() - days * 86_400,) * 2)
    load("digits")
    assert not (cache / ".partial-old").exists()
    assert (cache / ".partial-new").exists()


def test_processes_that_start_together_read_once_and_agree(cache: Path) -> None:
    root = picture_folder(cache.parent / "pets", each=20)
    program = (
        "import time; from fairtrial.parts.datasets import load\n"
        "def slowly(what, done, total): print('read'); time.sleep(0.2)\n"
        f"print(load({str(root)!r}, progress=slowly).fingerprint)"
    )
    running = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    printed = sorted(process.communicate()[0].split() for process in running)
    fingerprint = load(str(root)).fingerprint
    assert printed == [[fingerprint], [fingerprint], ["read", "read", fingerprint]]
    assert len(entries(cache)) == 1


def test_a_process_killed_while_reading_leaves_no_entry(cache: Path) -> None:
    root = picture_folder(cache.parent / "pets")
    program = (
        "import os; from fairtrial.parts.datasets import load\n"
        f"load({str(root)!r}, progress=lambda what, done, total: os._exit(9))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 9
    assert [path.name[:9] for path in entries(cache)] == [".partial-"]
    assert len(load(str(root)).images) == 16


def test_a_read_only_data_folder_serves(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRTRIAL_DATA", str(real_data("mnist").parent))
    assert load("mnist").fingerprint == "b368ca861c7570731eeae8d5035f30ce97da442f20be1ddd3d859fa380f128dc"


def test_progress_reaches_the_total(cache: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    load(str(picture_folder(cache.parent / "pets")), progress=lambda *step: seen.append(step))
    assert seen[-1] == ("decoding pets", 16, 16)


def test_the_import_brings_no_heavy_library() -> None:
    heavy = ["PIL", "httpx", "sklearn", "scipy", "torch", "filelock", "pandas"]
    program = f"import sys, fairtrial.parts.datasets; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
