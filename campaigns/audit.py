"""Run every command under Python's audit hooks: nothing that it reads may become code, and nobody else may be asked.

    python campaigns/audit.py

What is written down, in the command's process and in all that it starts: code that runs but is no import of an
installed file, names that are unpickled, shells and other programs, archives that are unpacked, and connections.
Whatever is met has to stand on the list ALLOWED, which says why. (Code of the user's own, which `doctor train.py` and
`--trust-code` run because they are asked to, is left out.)
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
from fuzz import of_archives
from PIL import Image

import fairtrial
from fairtrial.serve.guard import KEY, SESSION, TOKEN

AUDITED = Path(__file__).parent / "audited"
SOURCE = Path(fairtrial.__file__).parent.parent
MAIN = """
import json, sys
from fairtrial.cli import main
from fairtrial.store import FolderStore
for words, code in json.loads(sys.argv[1]):
    run = next((name for name in FolderStore("runs").list() if name.startswith("flatten")), "")
    sys.argv = ["fairtrial", *(word.replace("RUN", run) for word in words)]
    try:
        main()
    except SystemExit as ended:
        if (ended.code or 0) != code:
            sys.exit(f"{sys.argv}: {ended.code}, not {code}")
"""
LINEAR = ["flatten, linear classes", "data=digits", "epochs=1"]
BY_NUMPY = [*LINEAR, "engine=numpy"]
WITHOUT_TORCH: list[tuple[list[str], int]] = [
    (["run", *BY_NUMPY], 0),
    (["run", "recipe.toml", "data=pictures", "--json"], 0),
    (["run", *BY_NUMPY, "--overfit", "--quiet"], 0),
    (["run", *BY_NUMPY, "lr=0.1", "--profile"], 0),
    (["compare", *BY_NUMPY, "lr=0.1,0.01", "--seeds", "2", "--executor", "serial"], 0),
    (["show", "RUN"], 0),
    (["show", "mlp"], 0),
    (["list", "runs"], 0),
    (["list", "optimizers"], 0),
    (["doctor", "RUN"], 0),
    (["doctor", "curves.csv"], 0),
    (["doctor", "curves.json", "--json"], 0),
    (["doctor", "--static", "train.py"], 0),
    (["data", "pictures", "--pictures", "sheet.png"], 0),
    (["data", "cifar10"], 3),
    (["predict", "RUN", "pictures/train/a/0.png"], 0),
    (["export", "RUN", "--to", "numpy"], 0),
    (["export", "RUN", "--to", "html"], 0),
    (["reproduce", "RUN"], 0),
]
WITH_TORCH: list[tuple[list[str], int]] = [
    (["run", "conv 2, norm, act, flatten, linear classes", "data=digits", "epochs=1"], 0),
    (["run", *BY_NUMPY, "--find-lr"], 0),
    (["run", *LINEAR, "threads=auto"], 0),
    (["compare", *LINEAR, "optimizer=adam,sgd", "--seeds", "2", "--jobs", "2"], 0),
    (["compare", *BY_NUMPY, "optimizer=adam,sgd", "--tune", "lr=0.01..0.1:log", "--trials", "2", "--seeds", "2"], 0),
    (["export", "RUN", "--to", "torch"], 0),
    (["export", "conv", "--to", "torch", "--script"], 0),
    (["export", "RUN", "--to", "onnx"], 0),
    (["list", "studies"], 0),
]
CLASSES = "makes methods, or reads annotations, from the source of installed classes"
TEMPLATES = "makes functions from templates of its own"
ALLOWED = {
    "exec": {
        **dict.fromkeys(
            ("dataclasses.py", "collections/", "inspect.py", "typing.py", "attr/", "typing_inspection/"), CLASSES
        ),
        **dict.fromkeys(
            ("numpy/", "scipy/", "sklearn/", "mpmath/", "sympy/", "jinja2/", "torch/", "onnxscript/"), TEMPLATES
        ),
    },
    "subprocess.Popen": {
        "fairtrial/study/execute.py": "the workers of a study: Python on a module of ours",
        "fairtrial/export/": "an export is run again without fairtrial before it is kept",
    },
}
PAGES = ("/", "/api/1/runs", "/api/1/studies")


def prepare(folder: Path) -> None:
    """What the commands are asked to read."""
    chance = np.random.default_rng(0)
    for part, classes in (("train", "ab"), ("test", "ab")):
        for name in classes:
            for number in range(6):
                path = folder / "pictures" / part / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(chance.integers(0, 256, (8, 8), np.uint8)).save(path)
    (folder / "recipe.toml").write_text('model = "linear"\nengine = "numpy"\nepochs = 1\n')
    (folder / "curves.csv").write_text("epoch,loss,val_loss\n1,2.3,2.2\n2,1.5,1.4\n3,1.0,1.2\n")
    (folder / "curves.json").write_text('{"loss": [2.3, 1.1, 0.6], "val_loss": [2.2, 1.2, 0.8]}')
    (folder / "train.py").write_text("import torch\nprint(torch.zeros(1))\n")
    (folder / "cifar10").mkdir()
    (folder / "cifar10" / "cifar-10-binary.tar.gz").write_bytes(of_archives()[0])


def settings(folder: Path) -> dict[str, str]:
    """The environment of a process that is heard."""
    path = os.pathsep.join([str(AUDITED), str(SOURCE)])
    own = {"PYTHONPATH": path, "AUDITED": str(folder / "heard"), "AUDITED_SOURCE": str(SOURCE)}
    return {**os.environ, **own, "FAIRTRIAL_DATA": str(folder), "FAIRTRIAL_CACHE": str(folder / "cache")}


def make(commands: list[tuple[list[str], int]], folder: Path) -> None:
    """The commands, one after the other, in a process of their own; RuntimeError if one ends as it should not."""
    words = [sys.executable, "-c", MAIN, json.dumps(commands)]
    done = subprocess.run(words, cwd=folder, env=settings(folder), text=True, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{done.returncode}: {done.stdout[-500:]} {done.stderr[-3000:]}")


def serve(folder: Path) -> None:
    """The page, asked for what it shows, in a process of its own."""
    words = [sys.executable, "-c", "from fairtrial.cli import main; main()", "serve", "--port", "0", "--json"]
    with subprocess.Popen(words, cwd=folder, env=settings(folder), text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            told = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
            base, _, token = told["address"].partition("/#token=")
            with httpx.Client(base_url=base) as client:
                said = client.post(SESSION, headers={TOKEN: token, "origin": base})
                client.headers[KEY] = said.json()["key"]
                for page in PAGES:
                    client.get(page).raise_for_status()
        finally:
            process.terminate()


def heard(folder: Path) -> tuple[Counter[str], Counter[str]]:
    """What was met that is allowed, and what is not, and how often."""
    allowed, wrong = Counter[str](), Counter[str]()
    for line in map(json.loads, (folder / "heard").read_text("utf8").splitlines()):
        place = re.sub(r".*/(?:site-packages|python3\.\d+|src)/", "", line["file"])
        known = place.startswith(tuple(ALLOWED.get(line["event"], {})))
        about = "" if known else f": {line['what']}"
        (allowed if known else wrong)[f"{line['event']} by {place}, {line['in']}{about}"] += 1
    return allowed, wrong


def campaign(commands: list[tuple[list[str], int]], folder: Path) -> tuple[Counter[str], Counter[str]]:
    """What the commands and the page did."""
    prepare(folder)
    make(commands, folder)
    serve(folder)
    return heard(folder)


def main() -> None:
    """Print what was met; exit with 1 if some of it is not allowed."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    commands = [*WITHOUT_TORCH, *WITH_TORCH]
    with tempfile.TemporaryDirectory() as folder:
        allowed, wrong = campaign(commands, Path(folder))
    for head, met in (("allowed", allowed), ("NOT ALLOWED", wrong)):
        print(*(f"{head}: {count:6} {what}" for what, count in sorted(met.items())), sep="\n")
    print(f"{len(commands) + 1} commands, {wrong.total()} things met that are not allowed")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
