"""A worker process: recipes come in on standard input, names of runs go out on standard output, a JSON line each."""

from __future__ import annotations

import json
import os
import signal
import sys

from fairtrial.runner import run
from fairtrial.spec.errors import FairtrialError
from fairtrial.spec.recipe import make_recipe
from fairtrial.store import FolderStore


def main(path: str) -> None:
    """Work until standard input closes, or until a signal ends the run under way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal group; the parent decides
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever else prints, prints to standard error
    store = FolderStore(path)
    for line in sys.stdin:
        try:
            record = run(make_recipe(json.loads(line)), store)
        except FairtrialError as error:
            print(json.dumps({"error": str(error), "exit_code": error.exit_code}), file=answers)
            continue
        if record.end is None:
            return
        print(json.dumps({"run": record.name}), file=answers)


if __name__ == "__main__":
    main(sys.argv[1])
