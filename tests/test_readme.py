"""What the README promises is what is run: its commands, its pictures, its links."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf8")
ARMS = ("adam", "rmsprop", "adagrad", "momentum", "sgd")
MAIN_JOB, TESTS = re.findall(r"```sh\n(python3 -m venv [^\n]+)\n```", README)


def test_ci_runs_the_test_command_word_for_word() -> None:
    assert TESTS in (ROOT / ".ci" / "run").read_text("utf8").splitlines()


def test_the_main_job_prints_what_the_readme_shows(tmp_path: Path) -> None:
    words = MAIN_JOB.split(".venv/bin/fairtrial ")[1].split()
    done = subprocess.run(
        [sys.executable, "-m", "fairtrial", *words], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    shown = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    assert headings(done.stdout) == headings(shown[1])
    assert all(re.search(rf"^{arm} +5 +[\d.]+ %", done.stdout, re.MULTILINE) for arm in ARMS)
    assert sum(line.count(" - ") for line in done.stdout.splitlines() if line.split()[0:1] and line[0] != "d") == 10
    (page,) = tmp_path.glob("runs/studies/*/report.html")
    assert str(page.relative_to(tmp_path)) in done.stdout
    assert {path.name for path in page.parent.iterdir()} >= {"chart.svg", "chart.png", "scores.csv", "study.json"}


def test_the_picture_is_of_the_numbers_below_it() -> None:
    verdicts = re.findall(r"^(\w+) - \w+ .* (better|undecided) ", README, re.MULTILINE)
    best, won = verdicts[0][0], [word for arm, word in verdicts if arm == verdicts[0][0]]
    said = f"{best} has the best mean test/accuracy of {len(ARMS)} arms; it beats {won.count('better')}, is undecided"
    assert said in (ROOT / "docs/comparison.svg").read_text("utf8")


def headings(output: str) -> list[list[str]]:
    """The lines that say what tables show; numbers, and with them the order of arms, differ between kinds of CPU."""
    return [line.split() for line in output.splitlines() if re.match(r"mlp:|arm |Pair by pair|pair |difference:", line)]


def test_every_link_and_picture_is_there() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    missing = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf8"))
        if not target.startswith("http") and not (page.parent / target).exists()
    ]
    assert not missing


def test_every_command_in_the_docs_is_understood() -> None:
    """Each `fairtrial list|show` in a code block runs; others would train."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line.split("#")[0].split() for block in blocks for line in block.splitlines()]
    for words in (line for line in lines if line[:2] in (["fairtrial", "list"], ["fairtrial", "show"])):
        subprocess.run([sys.executable, "-m", *words], check=True, capture_output=True)


@pytest.mark.parametrize("page", ["doctor.md", "doctor-static.md", "doctor-curves.md"])
def test_the_doctors_pages_work_in_an_empty_folder(tmp_path: Path, page: str) -> None:
    """Files are saved as the page says; its commands run, and print what it shows, but for numbers."""
    text = (ROOT / "docs" / page).read_text("utf8")

    def done(*words: str) -> str:
        ended = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True)
        assert ended.returncode in (0, 1)
        assert "rror" not in ended.stderr
        return ended.stdout

    for name, content in re.findall(r"ave this as `([\w.]+)`[^`]*\n\n```\w+\n(.*?)```", text, re.DOTALL):
        (tmp_path / name).write_text(content, "utf8")
    for command, shown in re.findall(r"```console\n\$ (.*?)\n(.*?)```", text, re.DOTALL):
        assert findings(done("-m", *command.split())) == findings(shown)
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            done("-m", *shlex.split(line, comments=True))
    for program in re.findall(r"```python\n(import fairtrial.*?)```", text, re.DOTALL):
        assert "softmax-before-cross-entropy" in done("-c", program)


def findings(output: str) -> list[str]:
    """The words above what was checked; what can be seen grows, and numbers differ between kinds of CPU."""
    return re.sub(r"\d[\d.e-]*", "0", output.partition("\nchecked:")[0]).split()
