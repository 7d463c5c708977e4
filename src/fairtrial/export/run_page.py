"""An exported page run again: its own script and its own net, in Node.js or in a browser without a window."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np

from fairtrial.spec.arrays import NumpyArray
from fairtrial.spec.errors import FairtrialError
from fairtrial.store import Record

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
PROGRAM = """
const net = opened($net), size = net.shape.reduce((a, b) => a * b), all = [];
const images = Uint8Array.from(atob("$images"), (letter) => letter.charCodeAt(0));
for (let k = 0; k < images.length; k += size) all.push([...predict(net, images.subarray(k, k + size))]);
"""


def predicted(path: Path, record: Record, images: NumpyArray) -> NumpyArray | None:
    """The probabilities that the page gives; None where there is neither Node.js nor a browser."""
    program = path.with_suffix(".check.js")
    program.write_text(checking(path.read_text("utf8"), images), "utf8")
    if node := shutil.which("node"):
        with program.open("a", encoding="utf8") as file:
            file.write("console.log(JSON.stringify(all));\n")
        return np.array(json.loads(printed([node, str(program)])))
    if browser := next(filter(None, map(shutil.which, BROWSERS)), None):
        return np.array(json.loads(shown_by(browser, program)))
    return None


def checking(page: str, images: NumpyArray) -> str:
    """A program that has the page's script say of all images what the page's net says."""
    found = re.search(r'id="net">(.*?)</script>\s*<script>(.*?)</script>', page, re.DOTALL)
    assert found
    pixels = base64.b64encode(images.tobytes()).decode()
    return found[2] + PROGRAM.replace("$net", json.dumps(found[1])).replace("$images", pixels)


def shown_by(browser: str, program: Path) -> str:
    """What a browser makes of the program, run in an empty page of its own."""
    page = program.with_suffix(".html")
    show = "document.body.textContent = JSON.stringify(all);"
    page.write_text(f"<!doctype html><body><script>{program.read_text('utf8')}{show}</script>", "utf8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={program.parent / 'browser'}"]
    found = re.search(r"<body>(.*?)</body>", printed([browser, *options, "--dump-dom", page.as_uri()]), re.DOTALL)
    return found[1] if found else ""


def printed(command: list[str]) -> str:
    """What a command prints; FairtrialError if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if "Error" in line), "it said nothing")
        raise FairtrialError(f"the page was written, but its script does not run: {said}; nothing was kept")
    return done.stdout
