"""The script that puts commands' output into the study pages: it finds every command, and changes nothing else."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

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


def test_a_command_is_run_and_the_ends_of_its_lines_are_tidy(tmp_path: Path) -> None:
    printed = study_pages.run("fairtrial compare linear engine=numpy batch=512 epochs=1,2 --seeds 2 --jobs 1", tmp_path)
    assert printed.startswith("linear: test/accuracy by arm")
    assert "report: runs/studies/linear-" in printed
    assert not re.search(r"[ \t]$", printed, re.MULTILINE)
