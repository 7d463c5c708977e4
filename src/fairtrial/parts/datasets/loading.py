"""One word names the data: a registered name, a folder inside the data folder, or a path to an image folder."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from fairtrial.parts.datasets.cache import obtain
from fairtrial.parts.datasets.dataset import Dataset, Facts, Images
from fairtrial.parts.datasets.known import DATASETS
from fairtrial.parts.datasets.places import data_folder
from fairtrial.parts.datasets.source import Progress
from fairtrial.spec.errors import DataError, UnknownName, UsageError


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def facts(word: str) -> Facts:
    """Shape and number of classes without reading the images; of a folder with mixed sizes, an estimate."""
    if word in DATASETS:
        return DATASETS[word].facts
    from fairtrial.parts.datasets.folder import folder_facts  # Pillow is loaded for pictures only

    return folder_facts(image_folder(word))


def load(word: str, *, skip_bad: bool = False, progress: Progress = silent) -> Dataset:
    """The data set; what is missing of a registered one is downloaded, what was decoded before is opened again."""
    if word not in DATASETS:
        return _load_folder(image_folder(word), skip_bad, progress)
    source = DATASETS[word]
    return obtain(source.reading(fetch(word, progress=progress)))


def _load_folder(root: Path, skip_bad: bool, progress: Progress) -> Dataset:
    from fairtrial.parts.datasets.folder import folder_reading, judge

    reading = folder_reading(root, root.resolve().name, progress)
    return judge(replace(obtain(reading), key=reading.key), skip_bad)


def fetch(word: str, *, progress: Progress = silent) -> Path:
    """The folder that holds the data set, after downloading what it lacks."""
    if word not in DATASETS:
        return image_folder(word)
    source = DATASETS[word]
    folder = data_folder() / source.name
    missing = source.missing(folder)
    if missing:
        from fairtrial.parts.datasets.download import download  # the HTTP client is loaded for downloads only

        download(source.name, missing, folder, progress)
    return folder


def picture(path: str | Path, shape: tuple[int, int, int]) -> Images:
    """One picture file as a model for data of that shape takes it: uint8 (1, height, width, channels)."""
    from fairtrial.parts.datasets.pictures import single

    return single(Path(path), shape)


def sample_sheet(data: Dataset, path: str | Path) -> None:
    """Ten training pictures of every class as one PNG."""
    from fairtrial.parts.datasets.sheet import draw_samples

    draw_samples(data, Path(path))


def image_folder(word: str) -> Path:
    """The image folder that the word means."""
    if not word.strip():  # as a path it would be the current folder
        raise UsageError("data: the word is empty; give a registered name or an image folder, `.` for the current one")
    inside, path = data_folder() / word, Path(word)
    if word in folders_found():
        return inside
    with suppress(RuntimeError):  # ~name, of somebody whom this machine does not know
        path = path.expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise DataError(f"{word}: a file; data are a registered name or an image folder")
    raise UnknownName("data set or image folder", word, [*DATASETS, *folders_found()])


def folders_found() -> list[str]:
    """Image folders in the data folder, by name."""
    try:
        entries = sorted(data_folder().iterdir())
    except OSError:
        return []
    return [entry.name for entry in entries if entry.is_dir() and entry.name not in DATASETS and entry.name[0] != "."]
