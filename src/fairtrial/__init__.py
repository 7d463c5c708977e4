"""fairtrial: every model deserves a fair trial.

Importing costs nothing; each name is fetched from its room when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairtrial.api import compare
    from fairtrial.compare import Comparison, Verdict, judge
    from fairtrial.predict import module_of, probabilities
    from fairtrial.run import run
    from fairtrial.spec.errors import FairtrialError
    from fairtrial.spec.recipe import Recipe
    from fairtrial.store import FolderStore, MemoryStore, Record

_ROOMS = {
    "Comparison": "compare", "FairtrialError": "spec.errors", "FolderStore": "store", "MemoryStore": "store",
    "Recipe": "spec.recipe", "Record": "store", "Verdict": "compare", "judge": "compare", "run": "run",
}  # fmt: skip
__version__ = "0.1.0"
__all__ = [
    "Comparison", "FairtrialError", "FolderStore", "MemoryStore", "Recipe", "Record", "Verdict", "compare", "judge", "run",
]  # fmt: skip
