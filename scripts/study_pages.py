"""Put today's output below the commands of the study pages: `python scripts/study_pages.py [STUDY ...] [--full]`.

With `--runs DIR` the runs that are in DIR/runs are used. Commands with `--full` are left alone unless asked for: they
take hours.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PAGES = Path(__file__).parent.parent / "docs" / "studies"
BLOCK = re.compile(r"```sh\n(fairtrial compare [^\n]+)\n```\n```text\n.*?\n```\n", re.DOTALL)
COLUMNS = "100"


def renewed(page: str, output: Callable[[str], str | None]) -> str:
    """The page with what `output` gives for each command; where that is None, the old block stays."""

    def block(old: re.Match[str]) -> str:
        text = output(old[1])
        return old[0] if text is None else f"```sh\n{old[1]}\n```\n```text\n{text}\n```\n"

    return BLOCK.sub(block, page)


def tidy(printed: str) -> str:
    """What a command printed, without the blanks at the ends of lines."""
    return "\n".join(line.rstrip() for line in printed.strip("\n").splitlines())


def run(command: str, folder: Path) -> str:
    """What the command prints when it is run in this folder."""
    words = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, "COLUMNS": COLUMNS}, stdout=subprocess.PIPE, encoding="utf8", check=True
    )
    return tidy(done.stdout)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("studies", nargs="*", help="all, if none is named")
    asked.add_argument("--full", action="store_true", help="the commands with --full too")
    asked.add_argument("--runs", type=Path, default=Path(), metavar="DIR", help="the folder whose `runs` are used")
    words = asked.parse_args()
    words.runs.mkdir(parents=True, exist_ok=True)
    for page in [PAGES / f"{name}.md" for name in words.studies] or sorted(PAGES.glob("*.md")):
        print(page.stem, file=sys.stderr)
        text = page.read_text("utf8")
        page.write_text(
            renewed(text, lambda command: run(command, words.runs) if words.full or "--full" not in command else None),
            "utf8",
        )


if __name__ == "__main__":
    main()
