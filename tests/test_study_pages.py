"""The script that puts commands' output into the study pages: it finds every command, and changes nothing else."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from fairtrial.catalogue import studies

ROOT = Path(__file__).parent.parent
found = importlib.util.spec_from_file_location("study_pages", ROOT / "scripts" / "study_pages.py")
assert found
assert found.loader
study_pages = importlib.util.module_from_spec(found)
found.loader.exec_module(study_pages)

PAGE = """\
# one

```sh
fairtrial compare one
```
```text
old
  table

old report
```

```sh
fairtrial compare one --full
```
```text
hours
```

```sh
fairtrial list studies
```
```text
kept
```
"""


def test_the_output_below_a_command_is_replaced_and_nothing_else() -> None:
    seen: list[str] = []

    def output(command: str) -> str | None:
        seen.append(command)
        return None if "--full" in command else "new\n\ntable"

    page = study_pages.renewed(PAGE, output)
    assert seen == ["fairtrial compare one", "fairtrial compare one --full"]
    assert page == PAGE.replace("old\n  table\n\nold report", "new\n\ntable")


def test_output_with_backslashes_and_groups_stays_as_it_is() -> None:
    page = study_pages.renewed(PAGE, lambda command: r"\1 \g<0> \n")
    assert page.count(r"\1 \g<0> \n") == 2


def test_a_page_renewed_with_its_own_output_is_itself() -> None:
    for path in study_pages.PAGES.glob("*.md"):
        text = path.read_text("utf8")
        assert study_pages.renewed(text, lambda command: None) == text


@pytest.mark.parametrize("name", list(studies()))
def test_every_output_on_a_page_has_its_command(name: str) -> None:
    text = (study_pages.PAGES / f"{name}.md").read_text("utf8")
    commands: list[str] = []
    study_pages.renewed(text, commands.append)
    assert len(commands) == len(re.findall(r"^```text$", text, re.MULTILINE))
    assert all(command.startswith(f"fairtrial compare {name}") for command in commands)


ROW = (
    "| [one](one.md) | Which? | `a` against `b`: **better**, +1.00 to +2.00 points (n = 3); "
    "`b` against `c d=1`: **undecided**, -0.1 to +1e-05 in measure/gap (n = 3) |"
)
REPORTS: list[dict[str, Any]] = [
    {
        "metric": "test/accuracy",
        "seeds": 5,
        "pairs": [{"a": "b", "b": "a", "interval": [0.001, 0.0225], "verdict": "better"}],
    },
    {
        "metric": "measure/gap",
        "seeds": 5,
        "pairs": [{"a": "b", "b": "c d=1", "interval": [0, 1.5], "verdict": "undecided"}],
    },
]


def test_the_outcomes_of_the_index_are_those_of_the_reports() -> None:
    row = study_pages.renewed_row(ROW, REPORTS)
    assert row == (
        "| [one](one.md) | Which? | `b` against `a`: **better**, +0.10 to +2.25 points (n = 5); "
        "`b` against `c d=1`: **undecided**, +0 to +1.5 in measure/gap (n = 5) |"
    )
    with pytest.raises(KeyError):
        study_pages.renewed_row(ROW, REPORTS[:1])


@pytest.mark.parametrize("name", list(studies()))
def test_the_index_has_outcomes_of_every_study(name: str) -> None:
    rows = [row for row in (study_pages.PAGES / "README.md").read_text("utf8").splitlines() if f"| [{name}]" in row]
    assert len(rows) == 1
    assert len(study_pages.OUTCOME.findall(rows[0])) == rows[0].count("**") // 2 > 0


def test_only_the_study_as_it_is_shipped_counts_for_the_index(tmp_path: Path) -> None:
    page = PAGE.replace("old report", "report: runs/studies/one-1/report.html")
    page += "\n```sh\nfairtrial compare one lr=1\n```\n```text\nreport: runs/studies/one-2/report.html\n```\n"
    folder = tmp_path / "runs" / "studies" / "one-1"
    folder.mkdir(parents=True)
    (folder / "study.json").write_text(json.dumps(REPORTS[0]), "utf8")
    assert study_pages.reported(page, tmp_path) == REPORTS[:1]


def test_a_command_is_run_and_the_ends_of_its_lines_are_tidy(tmp_path: Path) -> None:
    printed = study_pages.run("fairtrial compare linear engine=numpy batch=512 epochs=1,2 --seeds 2 --jobs 1", tmp_path)
    assert printed.startswith("linear: test/accuracy by arm")
    assert "report: runs/studies/linear-" in printed
    assert not re.search(r"[ \t]$", printed, re.MULTILINE)
