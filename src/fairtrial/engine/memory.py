"""The C library's memory: what a step frees, the next step takes again."""

from __future__ import annotations

import contextlib
import ctypes
import sys

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # of glibc's mallopt
LARGEST = 32 << 20  # bytes; glibc takes no more
KEPT = 1 << 30


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
