"""The doctor from outside: the catalogue's names, scripts in their own process, curves, Python."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest

import fairtrial as ft
from conftest import MAIN
from fairtrial.doctor.catalogue import FAULTS
from fairtrial.doctor.findings import CONSEQUENCES, EXPLAINS, Diagnosis, finding, ordered
from fairtrial.doctor.fingerprints import diagnose_curves
from fairtrial.doctor.read_curves import read_curves
from fairtrial.doctor.symptoms.everything import SYMPTOMS, diagnose
from fairtrial.spec.errors import UsageError
from fairtrial.store import MemoryStore

# The vocabulary, as findings, JSON and documentation use it.
NAMES = [
    "softmax-before-cross-entropy",
    "log-softmax-before-cross-entropy",
    "sigmoid-before-cross-entropy",
    "activation-on-logits",
    "nll-on-non-log-probabilities",
    "sigmoid-before-bce-with-logits",
    "single-output-for-many-classes",
    "softmax-over-one-unit",
    "bce-for-single-label",
    "mse-for-classification",
    "wrong-class-axis",
    "sum-reduction",
    "inverted-class-weights",
    "ascending-loss",
    "graph-cut",
    "unstable-log",
    "missing-zero-grad",
    "no-gradient-at-step",
    "weights-not-updated",
    "optimizer-of-another-model",
    "parameters-missing-from-optimizer",
    "frozen-parameters",
    "optimizer-recreated",
    "lr-too-high",
    "lr-too-low",
    "schedule-too-fast",
    "unsuitable-batch-size",
    "batchnorm-batch-of-one",
    "over-regularised",
    "clipping-too-tight",
    "non-finite",
    "fp16-underflow",
    "extreme-optimizer-settings",
    "under-trained",
    "over-trained",
    "constant-init",
    "init-too-large",
    "init-too-small",
    "dead-relu",
    "vanishing-gradient",
    "no-nonlinearity",
    "saturating-hidden-activation",
    "dropout-on-logits",
    "dropout-too-strong",
    "cross-sample-mixing",
    "channel-order",
    "unregistered-submodule",
    "unused-or-repeated-layer",
    "wrong-class-count",
    "unsuitable-capacity",
    "evaluation-in-train-mode",
    "training-in-eval-mode",
    "stale-batchnorm",
    "best-state-alias",
    "best-not-restored",
    "partial-load",
    "identical-seeds",
    "repeated-worker-rng",
    "input-scale",
    "split-preprocessing-mismatch",
    "augmented-validation",
    "labels-misaligned",
    "class-map-mismatch",
    "label-noise",
    "unshuffled-training",
    "repeated-batch",
    "split-leakage",
    "degenerate-data",
    "wrong-accuracy",
    "test-set-selection",
]

SCRIPT = textwrap.dedent(
    """
    import sys
    import torch
    from torch import nn
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.randn(120, 8)
    y = (x @ torch.randn(8, 3)).argmax(1)
    for step in range(30):
        rows = torch.randperm(120)[:20]
        loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        HOOK
    print("the script's own line", sys.argv[1:])
    """
)


def doctor(tmp_path: Path, text: str, *words: str, before: tuple[str, ...] = ()) -> tuple[int, dict[str, Any], str]:
    """Exit status, JSON and standard error of the doctor on a script."""
    script = tmp_path / "train.py"
    script.write_text(text, "utf8")
    done = subprocess.run(
        [*MAIN, "doctor", "--json", *before, str(script), *words], capture_output=True, text=True, timeout=240
    )
    return done.returncode, json.loads(done.stdout), done.stderr


def test_the_catalogue_has_the_vocabulary() -> None:
    assert list(FAULTS) == NAMES
    assert all(fault.what and fault.why and fault.fix for fault in FAULTS.values())


def test_each_fault_has_its_page() -> None:
    pages = Path(__file__).parent.parent / "docs" / "faults"
    for name, fault in FAULTS.items():
        page = (pages / f"{name}.md").read_text("utf8")
        assert all(words in page for words in (fault.what, fault.why, fault.fix)), f"{name}: python bank/pages.py"


def test_rules_and_orders_name_known_faults() -> None:
    assert {rule.fault for rule in SYMPTOMS} <= FAULTS.keys()
    assert {*CONSEQUENCES, *EXPLAINS, *frozenset().union(*EXPLAINS.values())} <= FAULTS.keys()


def test_nothing_seen_is_nothing_checked() -> None:
    seen = diagnose(())
    assert (seen.findings, seen.checked, list(seen.not_observable)) == ((), (), NAMES)


def test_causes_come_before_what_follows_from_them() -> None:
    told = ordered([finding("non-finite", "fail", "b", ""), finding("sum-reduction", "fail", "a", "")])
    assert [found.fault for found in told] == ["sum-reduction", "non-finite"]
    told = ordered([finding("mse-for-classification", "info", "a", ""), finding("lr-too-low", "warn", "a", "")])
    assert [found.level for found in told] == ["warn", "info"]


def test_a_healthy_script(tmp_path: Path) -> None:
    code, told, errors = doctor(tmp_path, SCRIPT.replace("HOOK", ""), "--epochs", "3")
    assert (code, told["findings"]) == (0, [])
    assert "the script's own line ['--epochs', '3']" in errors
    assert sorted(told["checked"] + told["not_observable"]) == sorted(NAMES)
    assert {"missing-zero-grad", "softmax-before-cross-entropy"} <= set(told["checked"])
    assert "label-noise" in told["not_observable"]


def test_a_faulty_script_and_the_contract_of_a_finding(tmp_path: Path) -> None:
    code, told, _ = doctor(tmp_path, SCRIPT.replace("HOOK", "").replace("loss.backward()", "(-loss).backward()"))
    found = told["findings"][0]
    assert code == 1
    assert set(found) == {"fault", "level", "where", "evidence", "why", "fix", "confidence"}
    assert (found["fault"], found["level"], found["where"].endswith("train.py:14")) == ("ascending-loss", "fail", True)


@pytest.mark.parametrize(
    ("hook", "code", "note"),
    [
        ("sys.exit(3) if step == 9 else None", 1, "exit status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL) if step == 20 else None", 1, "SIGKILL"),
        ("1 / (step - 9)", 1, "ZeroDivisionError"),
    ],
)
def test_a_script_that_ends_early_is_told_as_far_as_it_came(tmp_path: Path, hook: str, code: int, note: str) -> None:
    status, told, errors = doctor(tmp_path, SCRIPT.replace("HOOK", hook))
    assert status == code
    assert any(note in line for line in told["notes"])
    assert "missing-zero-grad" in told["checked"]
    assert "fairtrial/doctor" not in errors


def test_a_script_that_never_trains(tmp_path: Path) -> None:
    code, told, _ = doctor(tmp_path, "print('nothing')")
    assert (code, told["findings"], told["checked"]) == (0, [], [])
    assert "torch" in told["notes"][-1]


def test_a_script_that_is_no_python(tmp_path: Path) -> None:
    code, told, errors = doctor(tmp_path, "for in in in")
    assert (code, told["findings"]) == (1, [])
    assert "SyntaxError" in errors
    assert "Traceback" not in errors or "fairtrial/doctor" not in errors


def test_no_such_script() -> None:
    done = subprocess.run([*MAIN, "doctor", "nowhere.py"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "nowhere.py" in done.stderr


def test_a_limit_of_steps(tmp_path: Path) -> None:
    text = SCRIPT.replace("HOOK", "").replace("range(30)", "range(10**9)")
    code, told, _ = doctor(tmp_path, text, before=("--steps", "12"))
    assert code == 0
    assert told["notes"] == ["stopped after 12 steps, as asked"]


def test_ctrl_c_gives_the_findings_so_far(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    text = SCRIPT.replace("HOOK", "print('.', flush=True)").replace("range(30)", "range(10**9)")
    script.write_text(text.replace("    optimizer.zero_grad()\n", ""), "utf8")
    with subprocess.Popen(
        [*MAIN, "doctor", "--json", str(script)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stderr
        for _ in range(40):
            process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=120)
    told = json.loads(out)
    assert process.returncode == 1
    assert told["findings"][0]["fault"] == "missing-zero-grad"


def test_watching_a_loop_in_python() -> None:
    import torch
    from torch import nn

    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2), nn.Softmax(1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    original = nn.Module.__call__
    with ft.watch() as seen:
        for _ in range(4):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(torch.randn(6, 4)), torch.randint(0, 2, (6,))).backward()
            optimizer.step()
    assert [found.fault for found in seen.findings] == ["softmax-before-cross-entropy"]
    assert nn.Module.__call__ is original
    assert "softmax-before-cross-entropy" in repr(seen)


def table(tmp_path: Path, text: str) -> list[str]:
    """The faults that a table of curves shows."""
    path = tmp_path / "curves.csv"
    path.write_text(textwrap.dedent(text), "utf8")
    return [found.fault for found in diagnose_curves(read_curves(path)).findings if found.level != "info"]


def test_curves_of_softmax_twice(tmp_path: Path) -> None:
    accuracies = (0.42, 0.68, 0.85, 0.88, 0.89, 0.893)
    rows = "".join(f"{n},{2.4612 - a + 0.003 * (-1) ** n:.4f},{a}\n" for n, a in enumerate(accuracies))
    assert table(tmp_path, "epoch,val_loss,val_acc\n" + rows) == ["softmax-before-cross-entropy"]


def test_curves_of_healthy_trainings_say_nothing(tmp_path: Path) -> None:
    smooth = "".join(f"{n},{2.3 * math.exp(-n / 2) + 0.1:.4f},{2.0 * math.exp(-n / 2) + 0.15:.4f}\n" for n in range(12))
    assert table(tmp_path, "epoch,train/loss,valid/loss\n" + smooth) == []
    smoothed = "".join(f"{n},{0.5003 + 1.5 * math.exp(-n):.4f},{1 - 0.6 * math.exp(-n):.4f}\n" for n in range(10))
    assert table(tmp_path, "epoch,valid/loss,valid/accuracy\n" + smoothed) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("loss,acc\n-0.3,0.31\n-0.7,0.71\n-0.9,0.9\n", "nll-on-non-log-probabilities"),
        ("loss,acc\n147.4,0.1\n60.1,0.7\n", "sum-reduction"),
        ("loss\n2.3\n1.1\nnan\n", "non-finite"),
        ("loss\n23.026\n23.0259\n23.026\n", "unstable-log"),
        ("loss,acc\n0.3251,0.9\n0.3251,0.9\n0.2,0.93\n", "bce-for-single-label"),
        ("loss,acc\n1.0,99.0\n0.5,101.2\n", "wrong-accuracy"),
        ("val_loss\n2.30258509\n2.30258509\n2.30258509\n", "weights-not-updated"),
        ("loss,val_loss\n" + "".join(f"{1 / n},{0.5 + 0.1 * abs(n - 4)}\n" for n in range(1, 15)), "over-trained"),
    ],
)
def test_curves_with_a_fingerprint(tmp_path: Path, text: str, fault: str) -> None:
    assert fault in table(tmp_path, text)


def test_a_keras_history(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text(json.dumps({"loss": [2.0, "nan"], "val_accuracy": [0.1, 0.1]}), "utf8")
    assert [found.fault for found in diagnose_curves(read_curves(path)).findings] == ["non-finite"]


@pytest.mark.parametrize(
    ("text", "place"),
    [("", ":1"), ("a,b\n1,2\n", ":1"), ("loss,acc\n1,2\n3\n", ":3"), ("loss,acc\n1,2\nx,1\n", ":3:1")],
)
def test_a_malformed_table_is_told_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    path = tmp_path / "curves.csv"
    path.write_text(text, "utf8")
    with pytest.raises(UsageError, match=f"curves.csv{place}"):
        read_curves(path)


def test_our_own_runs_are_diagnosed() -> None:
    record = ft.run(ft.Recipe(model="linear", engine="numpy", epochs=3, batch=256), MemoryStore())
    assert not [found for found in ft.diagnose(record).findings if found.level == "fail"]


def test_a_diagnosis_prints_as_the_command_does_and_needs_a_record() -> None:
    told = ft.diagnose(
        ft.run(ft.Recipe(model="flatten, linear classes, softmax", engine="numpy", epochs=3, batch=256), MemoryStore())
    )
    assert str(told).startswith("1. fail softmax-before-cross-entropy\n")
    for wrong in (None, "runs/mlp", {"loss": [1.0]}):
        with pytest.raises(UsageError, match="diagnose takes a record"):
            ft.diagnose(wrong)  # pyright: ignore[reportArgumentType]


def test_few_faults_that_could_not_be_seen_are_named() -> None:
    nothing = Diagnosis((), tuple(FAULTS)[2:], tuple(FAULTS)[:2])
    first, second, third = tuple(FAULTS)[:3]
    assert f"could not be seen here: {first}, {second}" in " ".join(str(nothing).split())
    assert third not in str(nothing)
