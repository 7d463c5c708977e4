"""fairtrial: every model deserves a fair trial.

Importing costs nothing; each name is fetched from its room when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairtrial.api import compare
    from fairtrial.checks import find_lr, overfit
    from fairtrial.doctor.records import diagnose
    from fairtrial.doctor.watching import watch
    from fairtrial.probe import pick_threads
    from fairtrial.runner import run
    from fairtrial.spec.errors import FairtrialError
    from fairtrial.spec.recipe import Recipe
    from fairtrial.statistics import Verdict, judge, settled
    from fairtrial.store import FolderStore, MemoryStore, Record
    from fairtrial.verdicts import Comparison

__version__ = "0.1.0"
__all__ = [
    "Comparison",
    "FairtrialError",
    "FolderStore",
    "MemoryStore",
    "Recipe",
    "Record",
    "Verdict",
    "compare",
    "diagnose",
    "find_lr",
    "judge",
    "overfit",
    "pick_threads",
    "run",
    "settled",
    "watch",
]
_ROOMS = {
    "Comparison": "verdicts",
    "FairtrialError": "spec.errors",
    "FolderStore": "store",
    "MemoryStore": "store",
    "Recipe": "spec.recipe",
    "Record": "store",
    "Verdict": "statistics",
    "compare": "api",
    "diagnose": "doctor.records",
    "find_lr": "checks",
    "judge": "statistics",
    "overfit": "checks",
    "pick_threads": "probe",
    "run": "runner",
    "settled": "statistics",
    "watch": "doctor.watching",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'fairtrial' has no attribute {name!r}")
    return vars(importlib.import_module(f"fairtrial.{_ROOMS[name]}"))[name]


def __dir__() -> list[str]:
    return __all__
