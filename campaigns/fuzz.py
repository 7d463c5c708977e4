"""Feed every reader what nobody wrote on purpose, and see that each says so in a line or takes it.

    python campaigns/fuzz.py [--text 1000000] [--binary 50000] [--seed 1] [READER ...]

Inputs are made from good ones: bits turned, pieces cut, doubled, moved, taken from another sample, and words and
numbers of the format put in; of a state also with its SHA-256 made right again, so that what is behind it is reached.
`--text` is the sum over the readers of text, `--binary` the number for each of the others. A reader may return, or
raise one of fairtrial's own errors. Anything else is counted, and the first of each kind kept in `fuzz-failures/`:
another exception, a read of over 2 s, memory growing by over 256 MB, a file opened for writing, a process, a
connection, `exec`, or an unpickled name.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import pickle
import random
import resource
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fairtrial.doctor.read_curves import read_curves
from fairtrial.parts.datasets.cifar import TEST, TRAIN, read_archive, read_bin
from fairtrial.parts.datasets.idx import read_idx
from fairtrial.parts.datasets.pickled import read_batch
from fairtrial.parts.datasets.pictures import Bad, form_of, quiet, read_picture
from fairtrial.spec.arch_text import read_arch
from fairtrial.spec.errors import FairtrialError
from fairtrial.spec.events import Ended, Fitted, Saved, Scored, from_json, to_json
from fairtrial.spec.recipe import read_recipe
from fairtrial.spec.tensorfile import pack, unpack
from fairtrial.studies import __file__ as studies
from fairtrial.study.file import read_study

SLOW_SECONDS, MOST_BYTES = 2.0, 256 << 20
FORBIDDEN = {"exec", "os.system", "subprocess.Popen", "socket.connect", "pickle.find_class", "os.rename", "os.remove"}


@dataclass(frozen=True)
class Reader:
    """What reads, good samples of what it reads, and pieces that mean something in it."""

    read: Callable[[Path], object]  # of a file with the input
    samples: list[bytes]
    words: list[bytes]
    ending: str = ""
    text: bool = True
    mend: Callable[[bytes], bytes] = bytes  # after the change


# The readers


def content(read: Callable[[bytes], object]) -> Callable[[Path], object]:
    """A reader of bytes as one of files."""
    return lambda path: read(path.read_bytes())


def decoded(read: Callable[[str], object]) -> Callable[[Path], object]:
    """A reader of a line as one of files; what is no text never reaches it."""
    return lambda path: read(path.read_text("utf8", "replace"))


NUMBERS = [*rb"0 -1 1e999 nan 1e-400 2147483648 0x10 1_0 true".split(), b"9" * 400, b"\xff\xfe", b"\x00"]
TOML = [*rb'[full] [arms] [[arm]] = [ ] " """ # { } model lr seeds'.split(), b"\n"]
JSON = [*rb'{ } ] : , " null NaN -Infinity \u0000 \ud800 "event" "scores"'.split(), b"\n", b"[" * 60, b"[" * 9999]
ARCH = [*rb"conv pool residual( ) , stride linear classes norm dropout".split(), b" ", b"residual(" * 40]
CURVES = [*rb', ; " epoch loss val_accuracy % 1.5e3'.split(), b" ", b"\t", b"\n"]


def of_states() -> list[bytes]:
    chance = np.random.default_rng(0)
    small = {"weight": chance.normal(size=(3, 4)).astype(np.float32), "step": np.array([7])}
    return [pack(small, {"step": 7}), pack({}, {}), pack({"a": np.zeros((0, 2), np.float16)}, {"x": [1, None]})]


def signed(data: bytes) -> bytes:
    """The state with the hash that its bytes have, where it has a place for one."""
    key = b'"fairtrial":"'
    place = data.find(key) + len(key)
    if place < len(key) or len(data) < place + 64:
        return data
    blanked = data[:place] + b"0" * 64 + data[place + 64 :]
    return data[:place] + hashlib.sha256(blanked).hexdigest().encode() + data[place + 64 :]


def of_idx() -> list[bytes]:
    images = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 4]) + bytes(range(32))
    return [images, bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3]), gzip.compress(images)]


def of_batches() -> list[bytes]:
    batch = {"labels": [1, 2], "data": np.zeros((2, 3072), np.uint8), "filenames": ["a", "b"], "batch_label": "x"}
    return [pickle.dumps({key.encode(): value for key, value in batch.items()}, 2), pickle.dumps(batch, 2)]


def of_archives() -> list[bytes]:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name in (*TRAIN, TEST):
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = 3073
            archive.addfile(member, io.BytesIO(bytes(3073)))
    return [made.getvalue()]


def of_pictures(form: str) -> list[bytes]:
    def drawn(mode: str, **how: Any) -> bytes:
        out = io.BytesIO()
        Image.effect_noise((9, 7), 60).convert(mode).save(out, form, **how)
        return out.getvalue()

    modes = {"PNG": ("L", "RGB", "RGBA", "P", "1", "I;16"), "GIF": ("P", "L"), "BMP": ("L", "RGB", "1")}
    return [drawn(mode) for mode in modes.get(form, ("L", "RGB"))]


def picture(path: Path) -> object:
    with quiet():
        form = form_of(path)
        return form if isinstance(form, Bad) else read_picture(path, form)


def of_events() -> list[bytes]:
    made = [
        Fitted(step=4, epoch=1, lr=0.1, scores={"running/loss": 0.5}, images=128, fit_seconds=0.1),
        Scored(step=4, epoch=1, at_end=True, scores={"valid/loss": 0.5}, best=True, score_seconds=0.2),
        Saved(step=4, epoch=1),
        Ended(step=4, epoch=1, reason="finished", best_epoch=1, scores={}),
    ]
    return [to_json(event).encode() for event in made]


def readers() -> dict[str, Reader]:
    """All of them, the text first."""
    shipped = [path.read_bytes() for path in sorted(Path(studies).parent.glob("*.toml"))]
    recipe = b'model = "conv 8, act, pool, flatten, linear classes"\nlr = 0.01\nepochs = 3\nschedule = "cosine"\n'
    table = b"epoch,train/loss,valid/loss,valid/accuracy\n1,2.3,2.2,0.1\n2,1.5,1.4,0.5\n3,1.0,1.2,0.6\n"
    rows = b'{"epoch": 1, "loss": 2.3, "val_loss": 2.2}\n{"epoch": 2, "loss": 1.3, "val_loss": 1.9}\n'
    keras = b'{"loss": [2.3, 1.1, 0.6], "val_accuracy": [0.1, 0.5, 0.6], "accuracy": [0.1, 0.6, 0.8]}'
    arch = b"conv 8 3 stride 2, norm, act, residual(conv 8, norm), global-pool, linear 16, dropout 0.5, linear classes"
    made = {
        "recipe": Reader(read_recipe, [recipe], [*TOML, *NUMBERS], ".toml"),
        "study": Reader(read_study, shipped, [*TOML, *NUMBERS], ".toml"),
        "net": Reader(decoded(read_arch), [arch, b"flatten, linear classes"], [*ARCH, *NUMBERS]),
        "event": Reader(decoded(from_json), of_events(), [*JSON, *NUMBERS]),
        "curves.csv": Reader(read_curves, [table, table.replace(b",", b";")], [*CURVES, *NUMBERS], ".csv"),
        "curves.jsonl": Reader(read_curves, [rows], [*JSON, *NUMBERS], ".jsonl"),
        "curves.json": Reader(read_curves, [keras], [*JSON, *NUMBERS], ".json"),
    }
    state, batch = content(lambda data: unpack(data, "state")), content(lambda data: read_batch(data, "batch"))
    images = content(lambda data: read_bin(data, "batch"))
    calls = [b"cos\nsystem\n", b"R.", b"\x85R", b"c"]
    binary = {
        "state": Reader(state, of_states(), JSON, text=False),
        "state, signed": Reader(state, of_states(), JSON, text=False, mend=signed),
        "idx": Reader(read_idx, of_idx(), [b"\xff\xff\xff\xff", b"\x7f", b"<html>"], text=False),
        "cifar batch": Reader(images, [bytes(3073), bytes(6146)], [], text=False),
        "cifar pickle": Reader(batch, of_batches(), calls, text=False),
        "cifar archive": Reader(
            read_archive, of_archives(), [b"ustar", b"../../x", b"2"], text=False, mend=gzip.compress
        ),
    }
    words = [b"IHDR", b"\xff\xd8", b"\xff\xff\xff\x7f", b"99999999"]
    for form in ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM"):
        binary[form.lower()] = Reader(picture, of_pictures(form), words, text=False)
    return {**made, **binary}


# The inputs


def changed(reader: Reader, chance: random.Random) -> bytes:
    """A sample with one to eight changes."""
    data = bytearray(chance.choice(reader.samples))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at, length = chance.randint(0, len(data)), chance.choice((1, 1, 2, 4, 16, 64))
        match chance.randrange(8):
            case 0:
                data[at : at + 1] = bytes(byte ^ 1 << chance.randrange(8) for byte in data[at : at + 1])
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length] * chance.choice((1, 2, 50))
            case 3:
                data[at:at] = chance.randbytes(length)
            case 4:
                data[at : at + length] = chance.choice(reader.samples)[at : at + length]
            case 5:
                del data[at:]
            case 6:
                where = chance.randint(0, len(data))
                data[where:where] = data[at : at + length]
            case _:
                word = chance.choice(reader.words or [b""])
                data[at : at + chance.choice((0, len(word)))] = word
    return reader.mend(bytes(data))


class Watch:
    """What a read did that it must not, as Python's own audit events tell."""

    def __init__(self) -> None:
        self.on, self.seen = False, ""
        sys.addaudithook(self.see)

    def see(self, event: str, about: tuple[Any, ...]) -> None:
        if not self.on:
            return
        writes = event == "open" and isinstance(about[1], str) and set(about[1]) & set("wax+")
        imports = event == "exec" and Path(about[0].co_filename).is_file()  # a codec, a schema: on its first use
        if writes or (event in FORBIDDEN and not imports):
            self.seen = f"{event} {about[0]}"


def attack(name: str, reader: Reader, inputs: int, seed: int, folder: Path, watch: Watch) -> Counter[str]:
    """How many inputs were taken, refused, and answered in a way that they must not be."""
    chance = random.Random(f"{seed} {name}")
    path, outcomes = folder / f"input{reader.ending}", Counter[str]()
    for sample in reader.samples:  # what is loaded on the first use is loaded
        path.write_bytes(reader.mend(sample))
        reader.read(path)
    memory = peak()
    for _ in range(inputs):
        data = changed(reader, chance)
        outcome = answer(reader, path, data, watch, memory)
        memory = max(memory, peak() - MOST_BYTES)  # what took so much is told once
        if outcome not in ("taken", "refused") and not outcomes[outcome]:
            keep(name, outcome, data, reader.ending)
        outcomes[outcome] += 1
    return outcomes


def answer(reader: Reader, path: Path, data: bytes, watch: Watch, memory: int) -> str:
    """Taken, refused, or what was done with the input that must not be; `memory` in bytes is what was held before."""
    path.write_bytes(data)
    watch.seen, began, watch.on = "", time.perf_counter(), True
    try:
        outcome = "refused" if isinstance(reader.read(path), Bad) else "taken"
    except FairtrialError as error:
        outcome = "refused" if str(error) else "refused without a word"
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}"[:90]
    watch.on = False
    if time.perf_counter() - began > SLOW_SECONDS:
        outcome = f"slow: over {SLOW_SECONDS:g} s"
    if peak() - memory > MOST_BYTES:
        outcome = f"memory: over {MOST_BYTES >> 20} MB"
    return watch.seen or outcome


def peak() -> int:
    """The most memory that this process ever held, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


def keep(name: str, outcome: str, data: bytes, ending: str) -> None:
    """The input, to be looked at."""
    folder = Path("fuzz-failures")
    folder.mkdir(exist_ok=True)
    mark = hashlib.sha256(data).hexdigest()[:8]
    (folder / f"{name.replace(' ', '-')}-{mark}{ending}").write_bytes(data)
    print(f"{name}: {outcome} (fuzz-failures/{name.replace(' ', '-')}-{mark}{ending})", flush=True)


def main() -> None:
    """Print a line a reader; exit with 1 if anything but taking and refusing happened."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("readers", nargs="*", choices=[[], *readers()], metavar="READER")
    words.add_argument("--text", type=int, default=1_000_000)
    words.add_argument("--binary", type=int, default=50_000)
    words.add_argument("--seed", type=int, default=0)
    given = words.parse_args()
    chosen = {name: reader for name, reader in readers().items() if name in given.readers or not given.readers}
    texts, watch, bad, total = sum(reader.text for reader in chosen.values()), Watch(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for name, reader in chosen.items():
            began = time.monotonic()
            inputs = -(-given.text // texts) if reader.text else given.binary
            told = attack(name, reader, inputs, given.seed, Path(folder), watch)
            others = inputs - told["taken"] - told["refused"]
            bad, total = bad + others, total + inputs
            counted = f"{told['taken']:9,} taken{told['refused']:9,} refused{others:7} wrong"
            print(f"{name:16}{inputs:10,} inputs{counted}{time.monotonic() - began:7.0f} s", flush=True)
    print(f"{total:,} inputs, {bad} wrong")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
