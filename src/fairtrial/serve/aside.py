"""Slow or dangerous work is done by a process of its own, on one thread, at a low priority; it ends with the asking."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from fairtrial.spec.errors import DataError, FairtrialError


async def answered(module: str, *words: str, patience: float | None = None) -> dict[str, Any]:
    """What `python -m module words` says through `answer`; DataError where it has no answer in so many seconds."""
    call = [sys.executable, "-m", module, *words]
    single = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*call, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe,
                                                   env=single)  # fmt: skip
    try:
        async with asyncio.timeout(patience):
            told, said = await process.communicate()
    except TimeoutError:
        raise DataError(f"it took longer than {patience:g} seconds") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    try:
        answer: dict[str, Any] = json.loads(told)
    except ValueError:
        raise DataError(f"the process that looked ended with {process.returncode}: {said[-300:]!r}") from None
    if "error" in answer:
        raise DataError(answer["error"])
    return answer


def answer(look: Callable[[], dict[str, Any]]) -> None:
    """In that process: print what `look` finds as JSON, or why it cannot."""
    if hasattr(os, "nice"):
        os.nice(10)
    try:
        found = look()
    except FairtrialError as error:
        found = {"error": str(error)}
    except MemoryError:
        found = {"error": "it needs more memory than there is"}
    json.dump(found, sys.stdout)
