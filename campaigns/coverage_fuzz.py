"""Feed every reader of fuzz.py what leads into code that no input led into before, as atheris (libFuzzer) finds it.

    python campaigns/coverage_fuzz.py [--seconds 600] [--seed 1] [READER ...]

Needs `pip install "fairtrial[fuzz]"`: atheris, which is made for Linux and macOS. It begins with fuzz.py's samples; the
first byte of an input says which reader gets the rest. What is wrong, and where it is kept, is as in fuzz.py.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit('atheris is not installed: pip install "fairtrial[fuzz]"')

with atheris.instrument_imports(include=["fairtrial", "PIL", "tomllib"]):
    import fuzz

LONGEST = 32_768  # bytes of an input: the archive with all of its members
FINE = ("taken", "refused")


def feed(names: list[str], seconds: float, seed: int, folder: Path) -> None:
    """Let libFuzzer make inputs; it never hands back, so the process ends here, with 1 if anything was wrong."""
    known, watch, outcomes = fuzz.readers(), fuzz.Watch(), {name: Counter[str]() for name in names}
    seeds = folder / "seeds"
    seeds.mkdir()
    for place, name in enumerate(names):
        for number, sample in enumerate(known[name].samples):
            (seeds / f"{place}-{number}").write_bytes(bytes([place]) + sample)
            path = folder / f"input{known[name].ending}"
            path.write_bytes(known[name].mend(sample))
            known[name].read(path)  # what is loaded on the first use is loaded
    memory, end = fuzz.peak(), time.monotonic() + seconds

    def one(data: bytes) -> None:
        nonlocal memory
        if time.monotonic() > end:
            finish(outcomes)
        if not data:
            return
        name = names[data[0] % len(names)]
        reader = known[name]
        given = reader.mend(data[1:])
        outcome = fuzz.answer(reader, folder / f"input{reader.ending}", given, watch, memory)
        memory = max(memory, fuzz.peak() - fuzz.MOST_BYTES)  # what took so much is told once
        if outcome not in FINE and not outcomes[name][outcome]:
            fuzz.keep(name, outcome, given, reader.ending)
        outcomes[name][outcome] += 1

    options = [f"-seed={seed}", f"-max_len={LONGEST}", "-verbosity=0", "-timeout=60"]
    atheris.Setup([sys.argv[0], *options, str(seeds)], one)
    atheris.Fuzz()


def finish(outcomes: dict[str, Counter[str]]) -> None:
    """Print a line a reader, and end the process."""
    total, bad = 0, 0
    for name, told in outcomes.items():
        others = told.total() - told["taken"] - told["refused"]
        total, bad = total + told.total(), bad + others
        counted = f"{told['taken']:9,} taken{told['refused']:9,} refused{others:7} wrong"
        print(f"{name:16}{told.total():10,} inputs{counted}")
    print(f"{total:,} inputs, {bad} wrong", flush=True)
    os._exit(bool(bad))


def main() -> None:
    """Feed the readers for so long."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("readers", nargs="*", choices=[[], *fuzz.readers()], metavar="READER")
    words.add_argument("--seconds", type=float, default=600)
    words.add_argument("--seed", type=int, default=1)
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        child = os.fork()  # which never comes back: the folder is removed here
        if not child:
            feed(given.readers or list(fuzz.readers()), given.seconds, given.seed, Path(folder))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.exit(bool(code))


if __name__ == "__main__":
    main()
