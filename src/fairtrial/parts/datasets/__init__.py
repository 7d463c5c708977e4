"""Data sets by one word: found or downloaded, verified, decoded once, opened as memory maps ever after."""

from fairtrial.parts.datasets.dataset import Bad, Dataset, Facts, Images, Split
from fairtrial.parts.datasets.inspection import Inspection, Repeats, inspect, row_names, test_in_train
from fairtrial.parts.datasets.known import DATASETS
from fairtrial.parts.datasets.loading import facts, fetch, folders_found, load, picture, sample_sheet
from fairtrial.parts.datasets.places import data_folder
from fairtrial.parts.datasets.source import Progress

__all__ = [
    "DATASETS",
    "Bad",
    "Dataset",
    "Facts",
    "Images",
    "Inspection",
    "Progress",
    "Repeats",
    "Split",
    "data_folder",
    "facts",
    "fetch",
    "folders_found",
    "inspect",
    "load",
    "picture",
    "row_names",
    "sample_sheet",
    "test_in_train",
]
