"""The machine's memory: how much there is, and that what a step frees, the next step takes again."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from pathlib import Path

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # of glibc's mallopt
LARGEST = 32 << 20  # bytes; glibc takes no more
KEPT = 1 << 30
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # of a container


def keep_freed_memory() -> None:
    """Have glibc keep what is freed, for the whole process.

    As it comes, it gives large arrays back to the system when they are freed, and each step pays for fresh pages: up to
    a tenth of its time where layers' outputs have megabytes. Elsewhere than on Linux with glibc nothing is done.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            library = ctypes.CDLL(None)
            library.mallopt(MMAP_THRESHOLD, LARGEST)
            library.mallopt(TRIM_THRESHOLD, KEPT)


def available() -> int | None:
    """Bytes that this process can take at most, swap included; None where Linux does not tell."""
    try:
        lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
        told = {words[0]: int(words[1]) * 1024 for words in lines}
        bounds = [told["MemAvailable:"] + told["SwapFree:"]]
    except (OSError, KeyError):
        return None
    for path in LIMITS:
        with contextlib.suppress(OSError, ValueError):  # the other kind of control group, or one without a limit
            bounds.append(int(Path(path).read_text()))
    return min(bounds)
