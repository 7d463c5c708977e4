"""Put today's output into the study pages and their index: `python scripts/study_pages.py [STUDY ...] [--full]`.

With `--runs DIR` the runs that are in DIR/runs are used. Commands with `--full` are left alone unless asked for: they
take hours.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

PAGES = Path(__file__).parent.parent / "docs" / "studies"
BLOCK = re.compile(r"```sh\n(fairtrial compare [^\n]+)\n```\n```text\n.*?\n```\n", re.DOTALL)
OUTCOME = re.compile(r"`([^`]+)` against `([^`]+)`: \*\*\w+\*\*, \S+ to \S+ (points|in \S+) \(n = \d+\)")
REPORT = re.compile(r"^report: (.+)/report.html$", re.MULTILINE)
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


def renewed_row(row: str, reports: Iterable[dict[str, Any]]) -> str:
    """A row of the index with the outcomes that these reports have for its pairs; one that none has is a KeyError."""
    said = {(report["metric"], *names): text for report in reports for names, text in outcomes(report)}

    def outcome(old: re.Match[str]) -> str:
        metric = "test/accuracy" if old[3] == "points" else old[3].removeprefix("in ")
        return said[(metric, *sorted((old[1], old[2])))]

    return OUTCOME.sub(outcome, row)


def outcomes(report: dict[str, Any]) -> Iterator[tuple[list[str], str]]:
    """The two arms of each pair, sorted, and what came of them in words."""
    points = report["metric"] == "test/accuracy"
    for pair in report["pairs"]:
        low, high = pair["interval"]
        found = f"{100 * low:+.2f} to {100 * high:+.2f} points" if points else f"{low:+.3g} to {high:+.3g}"
        unit = "" if points else f" in {report['metric']}"
        words = f"`{pair['a']}` against `{pair['b']}`: **{pair['verdict']}**, {found}{unit} (n = {report['seeds']})"
        yield sorted((pair["a"], pair["b"])), words


def reported(page: str, folder: Path) -> list[dict[str, Any]]:
    """The reports of a page's commands that ask the study as it is shipped, by whatever metric."""
    plain = [block for block in BLOCK.finditer(page) if "=" not in block[1] and "--full" not in block[1]]
    paths = [found[1] for block in plain if (found := REPORT.search(block[0]))]
    return [json.loads((folder / path / "study.json").read_text("utf8")) for path in paths]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("studies", nargs="*", help="all, if none is named")
    asked.add_argument("--full", action="store_true", help="the commands with --full too")
    asked.add_argument("--runs", type=Path, default=Path(), metavar="DIR", help="the folder whose `runs` are used")
    words = asked.parse_args()
    words.runs.mkdir(parents=True, exist_ok=True)
    index = PAGES / "README.md"
    for name in words.studies or sorted(path.stem for path in PAGES.glob("*.md") if path != index):
        print(name, file=sys.stderr)
        path = PAGES / f"{name}.md"
        page = renewed(
            path.read_text("utf8"),
            lambda command: run(command, words.runs) if words.full or "--full" not in command else None,
        )
        path.write_text(page, "utf8")
        rows = index.read_text("utf8").splitlines()
        reports = reported(page, words.runs)
        rows = [renewed_row(row, reports) if row.startswith(f"| [{name}]") else row for row in rows]
        index.write_text("\n".join(rows) + "\n", "utf8")


if __name__ == "__main__":
    main()
