"""A worker process: tasks come in on standard input, names of runs go out on standard output, a JSON line each.

It lives as long as its parent holds the input open. When that closes, the run under way is saved and the process ends.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from typing import Any, cast

from fairtrial.runner import was_stopped
from fairtrial.spec.errors import Busy, FairtrialError, UsageError
from fairtrial.spec.recipe import Recipe, make_recipe
from fairtrial.store import FolderStore, Record, Store
from fairtrial.together import run_together

PATIENCE = 10  # seconds for a run that another process holds: the worker of a parent that was killed saves and leaves
PAUSE = 0.25


def main(path: str) -> None:
    """Work until standard input closes, or until a signal ends the run under way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal group; the parent decides
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever else prints, prints to standard error
    tasks: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=listen, args=(os.dup(0), tasks), daemon=True).start()
    store = FolderStore(path)
    for task in iter(tasks.get, ""):
        answer = answer_to(task, store)
        if not answer:
            return
        try:
            os.write(answers, (json.dumps(answer) + "\n").encode())
        except OSError:  # the parent has gone
            return


def listen(inputs: int, tasks: queue.SimpleQueue[str]) -> None:
    """Pass on tasks; when there can be no more, do what SIGTERM does: save the run under way, and end."""
    for line in os.fdopen(inputs, encoding="utf8"):
        tasks.put(line)
    tasks.put("")
    signal.raise_signal(signal.SIGTERM)


def answer_to(task: str, store: Store) -> dict[str, Any]:
    """What to tell of a bundle's runs; nothing if a signal ended them."""
    try:
        match json.loads(task):
            case {"recipes": [*fields], "until": int() as until, "name": str() as name} if fields:
                recipes = [make_recipe(each) for each in cast("list[dict[str, Any]]", fields)]
                records = made(recipes, store, until, name)
            case _:
                raise UsageError(f"not a task: {task.strip()[:80]}")
    except FairtrialError as error:
        return {"error": str(error), "exit_code": error.exit_code}
    except Exception as error:
        return {"error": "".join(traceback.format_exception_only(error)).strip().splitlines()[-1], "exit_code": 1}
    if any(map(was_stopped, records.values())):
        return {}
    return {"runs": [records[recipe].name if recipe in records else "" for recipe in recipes]}


def made(recipes: Sequence[Recipe], store: Store, until: int, name: str) -> dict[Recipe, Record]:
    """The recipes' runs, as far as asked; one that another process is about to let go of is waited for."""
    patience = time.monotonic() + PATIENCE
    while True:
        try:
            return run_together(recipes, store, until=until, name=name)
        except Busy:
            if time.monotonic() > patience:
                raise
        time.sleep(PAUSE)


if __name__ == "__main__":
    main(sys.argv[1])
