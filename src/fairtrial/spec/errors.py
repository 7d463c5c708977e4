"""Every error that a user can cause, as one tree; each class carries the command's exit code."""

from collections.abc import Iterable
from difflib import get_close_matches


class FairtrialError(Exception):
    """Base of the tree; its text is one line of cause and, where there is one, a line of remedy."""

    exit_code = 1


class UsageError(FairtrialError):
    """A recipe, study or command that cannot be meant."""

    exit_code = 2


SHOWN = 50  # names at most: a store has thousands of runs


class UnknownName(UsageError):
    """A name that is not registered; the nearest ones are offered."""

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = "") -> None:
        names = sorted(known)
        near = get_close_matches(name.lower(), names, n=3, cutoff=0.5)
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        there = f"there are: {', '.join(names[:SHOWN])}{more}" if names else "there is none"
        hint = f"did you mean {' or '.join(near)}?" if near else there
        super().__init__(f"{where}unknown {kind} {name!r}; {hint}")
        self.near = near


class ShapeError(UsageError):
    """An architecture whose shapes do not fit; the text names the layer."""


class DataError(FairtrialError):
    """Data that are missing, damaged or contradict themselves."""

    exit_code = 3


class DamagedFile(FairtrialError):
    """A file of a run that fails its own checks."""

    exit_code = 4


class NewerVersion(FairtrialError):
    """A file that a later version of fairtrial wrote; the text names the version that reads it."""

    exit_code = 4


class OutOfResources(FairtrialError):
    """The disk is full or not writable, or memory ran out."""

    exit_code = 6


class DiskFailed(OutOfResources):
    """The disk did not take what was written, for a reason that may pass."""


class Busy(FairtrialError):
    """Another process is working on this run."""

    exit_code = 7


class EnvironmentDiffers(FairtrialError):
    """The run was begun with other versions, threads or another machine: its bits would not come back."""

    exit_code = 8
