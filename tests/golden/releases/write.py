"""`python tests/golden/releases/write.py` keeps runs of this version, half-done and finished, for later ones to read.

The files of a release are written once, before it, and stay as they are.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import fairtrial
from conftest import stop_at, tiny
from fairtrial.runner import Quiet, run
from fairtrial.store import FolderStore, MemoryStore

RELEASES = Path(__file__).parent
STOPPED = 5  # steps of nine, three an epoch
RECIPES = [
    tiny(
        model="flatten, linear 4, norm, act, dropout, linear classes", engine=engine, optimizer=optimizer, batch=512,
        epochs=3, lr=0.02, schedule="warmup 4, step 1 0.5", average="ema 0.9", augment="flip, shift 1", patience=2,
        score_every=2,
    )
    for engine, optimizer in (("numpy", "momentum"), ("torch", "adam"))
]  # fmt: skip


def main() -> None:
    folder = RELEASES / fairtrial.__version__
    if folder.exists():
        sys.exit(f"{folder} is there")
    for kind, watch in (("stopped", stop_at), ("finished", lambda step: Quiet())):
        for recipe in RECIPES:
            made, kept = MemoryStore(), FolderStore(folder / kind)
            name = run(recipe, made, name=recipe.engine, watch=watch(STOPPED)).name
            for file in made.files(name):
                kept.put(name, file, made.get(name, file) or b"")


if __name__ == "__main__":
    main()
