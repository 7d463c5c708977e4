"""An image folder becomes the same arrays every time, by fixed rules, or is refused with the files named."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from conftest import tiny
from data_helpers import outcome, picture_folder, real_data, save_picture
from fairtrial.api import make, write_report
from fairtrial.made import reread
from fairtrial.parts.datasets import Facts, facts, inspect, load, picture, sample_sheet
from fairtrial.report.page import comparison_page
from fairtrial.report.tables import arms_table, run_table
from fairtrial.reproduce import reproduce
from fairtrial.runner import run
from fairtrial.spec.errors import DataError, OutOfResources
from fairtrial.store import FolderStore
from fairtrial.study.plan import make_study


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRTRIAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FAIRTRIAL_DATA", str(tmp_path / "data"))


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_train_and_test_folders(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    data = load(str(root))
    assert (data.name, data.images.shape, data.test_from) == ("pets", (16, 5, 6, 3), 8)
    assert (data.classes, list(data.labels)) == (("cat", "dog"), [0] * 4 + [1] * 4 + [0] * 4 + [1] * 4)
    np.testing.assert_array_equal(data.images[5], pixels(root / "train" / "dog" / "1.png"))
    np.testing.assert_array_equal(data.images[8], pixels(root / "test" / "cat" / "0.png"))
    assert facts(str(root)) == Facts((3, 5, 6), 2)
    assert data.notes == ()


def test_a_folder_inside_the_data_folder_is_found_by_name(tmp_path: Path) -> None:
    picture_folder(tmp_path / "data" / "pets")
    assert load("pets").shape == (3, 5, 6)


def test_class_folders_alone_are_split_the_same_way_every_time(tmp_path: Path) -> None:
    data = load(str(picture_folder(tmp_path / "pets", ("",), each=10)))
    again = load(str(picture_folder(tmp_path / "copy" / "pets", ("",), each=10)))
    assert data.test_from == 16
    assert list(np.bincount(data.labels[16:])) == [2, 2]
    assert data.fingerprint == again.fingerprint
    assert "20% of every class" in data.notes[0]


def test_a_validation_folder_stands_in_for_a_missing_test_folder(tmp_path: Path) -> None:
    data = load(str(picture_folder(tmp_path / "pets", ("train", "val"))))
    assert data.test_from == 8
    assert "val/ taken as the test part" in data.notes[0]


def test_a_validation_folder_beside_a_test_folder_is_left_out_and_said_so(tmp_path: Path) -> None:
    data = load(str(picture_folder(tmp_path / "pets", ("train", "valid", "test"))))
    assert len(data.labels) == 16
    assert "valid/ left out" in data.notes[0]


def test_a_folder_that_is_no_part_is_said_to_be_left_out(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    (root / "annotations").mkdir()
    assert load(str(root)).notes == ("annotations/ left out: neither train/ nor test/",)


def test_an_orientation_that_means_nothing_is_upright(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    for number, orientation in enumerate((0, 1, 9)):
        path = root / "train" / "cat" / f"{number}.png"
        exif = Image.Exif()
        exif[0x0112] = orientation
        with Image.open(path) as image:
            image.save(path, exif=exif)
    assert load(str(root)).notes == ()


def test_a_picture_with_damaged_exif_is_still_a_picture(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    for number, exif in enumerate((b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0")):
        save_picture(root / "train" / "cat" / f"{number}.jpg", exif=exif)
    assert len(load(str(root)).images) == 19


def test_facts_look_into_inner_folders(tmp_path: Path) -> None:
    root = tmp_path / "pets"
    for name in ("cat", "dog"):
        for number in range(3):
            save_picture(root / "train" / name / "inner" / f"{number}.png", seed=number)
            save_picture(root / "test" / name / f"{number}.png", seed=number + 9)
    assert facts(str(root)) == Facts(load(str(root)).shape, 2)


def test_grey_stays_one_channel_where_every_picture_is_grey(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "grey", mode="L")
    assert load(str(root)).shape == (1, 5, 6)
    save_picture(root / "train" / "cat" / "9.png", mode="RGB", seed=99)
    data = load(str(root))
    assert data.shape == (3, 5, 6)
    assert "16 L converted to RGB" in data.notes


@pytest.mark.row("D15")
def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    Image.new("RGBA", (6, 5), (255, 0, 0, 0)).save(root / "train" / "cat" / "0.png")
    data = load(str(root))
    assert (data.images[0] == 255).all()
    assert "1 transparency laid on white" in data.notes


@pytest.mark.row("D15")
def test_palettes_cmyk_and_sixteen_bits_become_bytes(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    Image.new("RGB", (6, 5), (10, 200, 30)).convert("P", palette=Image.Palette.ADAPTIVE).save(
        root / "train" / "cat" / "0.png"
    )
    Image.new("CMYK", (6, 5), (0, 0, 0, 255)).save(root / "train" / "cat" / "1.jpg", quality=100)
    Image.fromarray(np.full((5, 6), 514, np.uint16)).save(root / "train" / "cat" / "2.png")
    data = load(str(root))
    assert tuple(data.images[0][0, 0]) == (10, 200, 30)
    assert data.images[list(np.flatnonzero(data.labels == 0))[1]].max() <= 3 or "CMYK converted to RGB" in str(
        data.notes
    )
    assert {"1 P converted to RGB", "1 CMYK converted to RGB", "1 16-bit scaled to 8"} <= set(data.notes)
    assert any((image == 2).all() for image in data.images)


@pytest.mark.row("D15")
def test_pictures_are_turned_upright(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    upright = np.random.default_rng(5).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    lying = Image.fromarray(np.rot90(upright).copy())  # orientation 6: turn clockwise to see it upright
    exif = Image.Exif()
    exif[0x0112] = 6
    lying.save(root / "train" / "cat" / "0.png", exif=exif)
    data = load(str(root))
    np.testing.assert_array_equal(data.images[0], upright)
    assert data.notes == ("1 turned upright by EXIF",)


@pytest.mark.row("D15")
def test_other_sizes_are_brought_to_the_most_common_one(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    save_picture(root / "train" / "cat" / "0.png", size=(60, 20))
    data = load(str(root))
    assert data.shape == (3, 5, 6)
    assert "1 resized and centre-cropped to 6x5" in data.notes


@pytest.mark.row("D16")
def test_hidden_files_and_notes_are_passed_by(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    before = load(str(root)).fingerprint
    (root / ".ipynb_checkpoints").mkdir()
    for name in (".DS_Store", "Thumbs.db", "notes.txt"):
        (root / "train" / "cat" / name).write_text("x")
    (root / "train" / "cat" / "0.png").touch()
    data = load(str(root))
    assert data.fingerprint == before
    assert {"3 hidden or system files ignored", "1 files that are no pictures ignored"} <= set(data.notes)


BROKEN = {
    "empty.png": (b"", "empty file"),
    "text.png": (b"no picture at all", "not a picture"),
    "page.jpg": (b"<html></html>", "not a picture"),
    "eps.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
    "layers.png": (b"8BPS\0\x01" + bytes(40), "not a picture"),
    "pages.tiff": (b"II*\0\x08\0\0\0" + bytes(40), "not a picture"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.row("D13")
def test_a_broken_picture_is_named(tmp_path: Path, name: str) -> None:
    root = picture_folder(tmp_path / "pets")
    content, reason = BROKEN[name]
    (root / "train" / "cat" / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"unusable files \(1\): train/cat/{name}: {reason}") as caught:
        load(str(root))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "webp", "ppm"])
def test_a_truncated_picture_is_named_in_every_format(tmp_path: Path, suffix: str) -> None:
    root = picture_folder(tmp_path / "pets")
    path = save_picture(root / "train" / "dog" / f"cut.{suffix}", size=(60, 50), seed=1)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"train/dog/cut\.{suffix}"):
        load(str(root))


def test_bad_files_are_skipped_on_purpose_only_and_change_the_fingerprint(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    before = load(str(root))
    (root / "train" / "cat" / "0.png").write_bytes(b"broken")
    for _ in range(2):  # decoded, then from the cache
        with pytest.raises(DataError, match=r"train/cat/0\.png"):
            load(str(root))
    data = load(str(root), skip_bad=True)
    assert len(data.images) == len(before.images) - 1
    assert data.fingerprint != before.fingerprint
    assert [bad.path for bad in data.skipped] == ["train/cat/0.png"]
    np.testing.assert_array_equal(data.images, before.images[1:])


@pytest.mark.row("D11")
def test_a_run_does_without_bad_files_where_its_recipe_says_so_and_its_report_lists_them(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    (root / "train" / "cat" / "[0].png").write_bytes(b"broken")
    recipe, store = tiny(data=str(root)), FolderStore(tmp_path / "runs")
    with pytest.raises(DataError, match=r"train/cat/\[0\]\.png.*\n.*skip_bad=true"):
        run(recipe, store)
    record = run(recipe.but(skip_bad=True), store)
    (note,) = [note for note in run_table(record).notes if "left out" in note]
    assert note.startswith("1 unusable file left out: train/cat/[0].png (")
    assert reproduce(record).identical
    (root / "train" / "cat" / "[0].png").unlink()  # the same images, but not the same data
    assert run(recipe.but(skip_bad=True), store).name != record.name
    (root / "train" / "dog" / "other.png").write_bytes(b"broken")
    compared = make(make_study("pets", recipe.but(skip_bad=True), {"lr": [0.1, 0.01]}, 2), store, executor="serial")
    page = comparison_page(compared, "")
    assert "1 unusable file left out: train/dog/other.png (" in page


@pytest.mark.row("D17")
def test_a_comparison_says_how_many_test_images_are_in_the_training_part(tmp_path: Path) -> None:
    root, store = picture_folder(tmp_path / "pets"), FolderStore(tmp_path / "runs")
    study = make_study("pets", tiny(data=str(root)), {"lr": [0.1, 0.01]}, 1)
    sound = make(study, store, executor="serial")
    assert sound.test_in_train == {str(root): 0}
    assert "test images are in" not in comparison_page(sound, "")
    shutil.copy(root / "train" / "cat" / "1.png", root / "test" / "cat" / "again.png")
    shutil.copy(root / "train" / "cat" / "1.png", root / "test" / "dog" / "also.png")
    compared = make(study, store, executor="serial")
    plain = write_report(compared, store, "")
    assert plain["test_in_train"] == {str(root): inspect(str(root)).test_in_train.count} == {str(root): 2}
    said = f"{root}: 2 of 10 test images are in the training part too"
    assert said in (tmp_path / "runs" / compared.folder / "report.html").read_text("utf8")
    again = reread(store, compared.folder.removeprefix("studies/"))
    assert said in arms_table(again).notes  # what the terminal prints, too


@pytest.mark.row("D19")
def test_a_picture_costs_less_than_a_kilobyte_of_memory_and_progress_is_told(tmp_path: Path) -> None:
    pictures, told = 1000, list[tuple[int, int]]()
    for number in range(pictures):
        path = tmp_path / "many" / f"class-{number % 2}" / f"{number:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number < 10:
            save_picture(path, size=(8, 8), mode="L", seed=number)
        else:
            os.link(path.with_name(f"{number % 10:06}.png"), path)
    load(str(picture_folder(tmp_path / "pets")))  # what is imported and filled once
    tracemalloc.start()
    data = load(str(tmp_path / "many"), progress=lambda what, done, total: told.append((done, total)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(data.images) == pictures
    assert peak < 1000 * pictures, peak
    assert told == sorted(told)
    assert told[-1] == (pictures, pictures)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header announces a huge picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [9_000, 12_000, 60_000])
@pytest.mark.row("D12")
def test_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path, side: int) -> None:
    root = picture_folder(tmp_path / "pets")
    (root / "train" / "cat" / "bomb.png").write_bytes(bomb(side, side))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"train/cat/bomb\.png: .*pixels"):
        load(str(root))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64_000_000


PEAK = """
import resource, sys
from pathlib import Path
from fairtrial.parts.datasets.pictures import Form, read_picture
small, large = map(Path, sys.argv[1:])
read_picture(small, Form(8, 8, False))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = read_picture(large, Form(32, 32, False))
print(found.conversions, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems reckon the peak in other units")
@pytest.mark.row("D12")
def test_a_telephones_largest_picture_takes_less_than_256_mb(tmp_path: Path) -> None:
    small = save_picture(tmp_path / "small.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8160, 6120), (9, 99, 199)).save(tmp_path / "large.jpg", progressive=True, exif=exif)
    words = [sys.executable, "-c", PEAK, str(small), str(tmp_path / "large.jpg")]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "turned upright" in told
    assert int(told.split()[-1]) << 10 < 256_000_000


@pytest.mark.row("D12")
def test_what_takes_more_than_256_mb_is_refused_and_a_jpeg_is_halved_only_then(tmp_path: Path) -> None:
    ordinary, large, full = tmp_path / "ordinary.jpg", tmp_path / "large.jpg", tmp_path / "full.jpg"
    drawn = Image.effect_noise((700, 600), 90).convert("RGB")
    drawn.resize((5712, 4284)).save(ordinary)
    with Image.open(ordinary) as image:
        whole = np.asarray(ImageOps.fit(image, (32, 32), method=Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(picture(ordinary, (3, 32, 32))[0], whole)

    drawn.resize((8064, 6048)).save(large)
    with Image.open(large) as image:
        image.draft(None, (4032, 3024))
        np.testing.assert_array_equal(picture(large, (3, 3024, 4032))[0], np.asarray(image))
    with pytest.raises(DataError, match="8064 x 6048 pixels take 488 MB to decode; at most 256 MB"):
        picture(large, (3, 3025, 4032))

    Image.new("RGB", (7000, 7000)).save(full, subsampling=0)  # every pixel with its own colour
    with pytest.raises(DataError, match="7000 x 7000 pixels take 343 MB"):
        picture(full, (3, 32, 32))


def test_a_large_picture_is_converted_like_a_small_one(tmp_path: Path) -> None:
    path = save_picture(tmp_path / "large.png", size=(1100, 600), mode="RGBA")
    with Image.open(path) as image:
        whole = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    np.testing.assert_array_equal(picture(path, (3, 600, 1100))[0], np.asarray(whole))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.row("D14")
def test_links_out_and_pipes_are_listed_and_never_opened(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    secret = save_picture(tmp_path / "secret.png")
    (root / "train" / "cat" / "out.png").symlink_to(secret)
    (root / "train" / "cat" / "circle.png").symlink_to(root / "train" / "cat" / "circle.png")
    (root / "train" / "cat" / "up").symlink_to(root)
    (root / "train" / "bird").symlink_to(tmp_path)
    os.mkfifo(root / "train" / "cat" / "pipe.png")
    data = load(str(root), skip_bad=True)
    assert {bad.path: bad.reason for bad in data.skipped} == {
        "train/bird": "a link in place of a class folder",
        "train/cat/circle.png": "a link to something that is no file",
        "train/cat/out.png": "a link that leads out of the folder",
        "train/cat/pipe.png": "not a regular file",
        "train/cat/up": "a link to something that is no file",
    }
    assert len(data.images) == 16


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_to_a_picture_inside_the_folder_is_that_picture(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    (root / "train" / "cat" / "9.png").symlink_to(root / "train" / "cat" / "0.png")
    assert len(load(str(root)).images) == 17


@pytest.mark.row("D16", "N6")
def test_folders_that_are_no_data_set_are_refused_with_the_cause(tmp_path: Path) -> None:
    def refused(name: str, reason: str) -> None:
        with pytest.raises(DataError, match=reason):
            load(str(tmp_path / name))

    (picture_folder(tmp_path / "empty") / "train" / "bird").mkdir()
    (tmp_path / "empty" / "test" / "bird").mkdir()
    refused("empty", "train part: class bird is empty; test part: class bird is empty")
    save_picture(tmp_path / "one" / "cat" / "0.png")
    refused("one", r"only one class \(cat\)")
    save_picture(picture_folder(tmp_path / "differ") / "test" / "bird" / "0.png")
    refused("differ", "classes only in the test part: bird")
    save_picture(tmp_path / "flat" / "0.png")
    refused("flat", "no class folders")
    picture_folder(tmp_path / "testonly", ("test",))
    refused("testonly", "test without train/")
    for name in ("cat", "dog"):
        (tmp_path / "broken" / name).mkdir(parents=True)
        (tmp_path / "broken" / name / "0.png").write_bytes(b"x")
    refused("broken", "none of the 2 files is a readable picture")


@pytest.mark.row("N6")
def test_a_class_without_a_usable_picture_is_refused_even_when_skipping(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets", each=1)
    (root / "test" / "dog" / "0.png").write_bytes(b"x")
    with pytest.raises(DataError, match="test part: class dog has no usable picture"):
        load(str(root), skip_bad=True)
    assert inspect(str(root)).faults == ("test part: class dog has no usable picture",)


def test_inspection_finds_repeats_leaks_and_contradictions(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    original = (root / "train" / "cat" / "0.png").read_bytes()
    (root / "train" / "cat" / "again.png").write_bytes(original)
    (root / "test" / "dog" / "leak.png").write_bytes(original)
    (root / "train" / "dog" / "broken.png").write_bytes(b"x")
    found = inspect(str(root))
    assert found.counts == {"train": {"cat": 5, "dog": 4}, "test": {"cat": 4, "dog": 5}}
    assert found.balance == 1.25
    assert found.train_repeats.examples == (("train/cat/0.png", "train/cat/again.png"),)
    assert found.test_in_train.examples == (("train/cat/0.png", "test/dog/leak.png"),)
    assert found.contradictions.count == 1
    assert [bad.path for bad in found.bad] == ["train/dog/broken.png"]
    assert found.faults == ()


def test_inspection_reports_what_loading_refuses(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    save_picture(root / "train" / "bird" / "0.png")
    found = inspect(str(root))
    assert found.faults == ("classes only in the train part: bird",)
    assert found.counts["train"] == {"bird": 1, "cat": 4, "dog": 4}
    assert found.shape is None


def test_a_sheet_shows_every_class(tmp_path: Path) -> None:
    data = load(str(picture_folder(tmp_path / "pets")))
    sample_sheet(data, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        assert len(np.unique(np.asarray(sheet).reshape(-1, 3), axis=0)) > 100
    with pytest.raises(OutOfResources, match=r"another\.png"):
        sample_sheet(data, tmp_path / "sheet.png" / "another.png")


def test_one_picture_for_a_model_follows_the_same_rules(tmp_path: Path) -> None:
    path = save_picture(tmp_path / "one.png", size=(12, 10))
    assert picture(path, (1, 5, 6)).shape == (1, 5, 6, 1)
    assert picture(path, (3, 8, 8)).shape == (1, 8, 8, 3)
    path.write_bytes(b"broken")
    with pytest.raises(DataError, match=r"one\.png: not a picture"):
        picture(path, (3, 8, 8))


def test_photographs_that_would_fill_the_disk_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "photographs", each=1)
    first = root / "train" / "cat" / "0.png"
    first.write_bytes(bomb(5000, 5000))  # the header alone
    count = shutil.disk_usage(tmp_path).free // (3 * 5000 * 5000) + 10
    if count > 20_000:
        pytest.skip("the disk has room for 20,000 photographs")
    for number in range(1, count):
        os.link(first, root / "train" / "cat" / f"{number}.png")
    with pytest.raises(OutOfResources, match=r"pictures of 5000x5000 take .* GB decoded"):
        load(str(root))


@settings(max_examples=200, deadline=None)
@given(
    suffix=st.sampled_from(["png", "jpg", "bmp", "gif", "webp", "ppm"]),
    place=st.floats(0, 1, exclude_max=True),
    junk=st.binary(min_size=1, max_size=6),
)
def test_no_damage_makes_a_picture_fail_in_another_way(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, place: float, junk: bytes
) -> None:
    path = save_picture(tmp_path_factory.getbasetemp() / f"damaged.{suffix}", size=(20, 20))
    content = path.read_bytes()
    start = int(place * len(content))
    path.write_bytes(content[:start] + junk + content[start + len(junk) :])
    found = outcome(lambda: picture(path, (3, 8, 8)))
    assert str(path) in str(found) if isinstance(found, DataError) else found.shape == (1, 8, 8, 3)


def test_large_pictures_are_decoded_by_several_threads_in_order(tmp_path: Path) -> None:
    root = tmp_path / "large"
    for name in ("cat", "dog"):
        for number in range(60):
            path = root / part(number) / name / f"{number:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (700, 700), number + 100 * (name == "dog")).save(path)
    data = load(str(root))
    expected = [*range(50), *range(100, 150), *range(50, 60), *range(150, 160)]
    assert list(data.images[:, 7, 7, 0]) == expected


def part(number: int) -> str:
    return "train" if number < 50 else "test"


def test_ten_thousand_pictures_open_again_in_a_sixth_of_a_second(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = real_data("cifar10-jpeg") / "test"
    assert pytestconfig.cache is not None
    # Decoded once for a checkout, not in every test run.
    monkeypatch.setenv("FAIRTRIAL_CACHE", str(pytestconfig.cache.mkdir("decoded")))
    first = load(str(root))
    seconds = []
    for _ in range(5):
        began = time.process_time()  # the processor's, so that a busy machine does not fail the test
        again = load(str(root))
        seconds.append(time.process_time() - began)
    assert first.images.shape == (10_000, 32, 32, 3)
    assert again.fingerprint == first.fingerprint
    assert min(seconds) < 1 / 6
