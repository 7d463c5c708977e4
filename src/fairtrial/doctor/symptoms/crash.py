"""Faults that end a script with an error of torch's."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from fairtrial.doctor.findings import finding
from fairtrial.doctor.journal import Journal, Symptom, Verdict
from fairtrial.doctor.observations import Crash, Model, Pass
from fairtrial.doctor.symptoms.step import cut_up, left_over

# What an error's text says, by fault.
TEXTS: dict[str, tuple[str, ...]] = {
    "wrong-class-count": (
        r"Target -?\d+ is out of bounds",
        r"weight tensor should be defined either for all",
        r"Class values must be smaller than num_classes",
        r"index (\d+) is out of bounds for dimension 1 with size \1$",  # the last class, where they are numbered from 1
    ),
    "batchnorm-batch-of-one": (r"Expected more than 1 value per channel when training",),
    "ascending-loss": (r"Invalid learning rate: -",),
    "extreme-optimizer-settings": (
        r"Invalid beta parameter",
        r"Invalid momentum value",
        r"Invalid epsilon value",
    ),
    "partial-load": (r"Error\(s\) in loading state_dict",),
    "graph-cut": (r"does not require grad and does not have a grad_fn",),
    "frozen-parameters": (),
    "channel-order": (),
}


def _by_text(fault: str) -> Callable[[Journal], Verdict]:
    def decide(journal: Journal) -> Verdict:
        crashes = journal.of(Crash)
        return [
            finding(fault, "fail", crash.where, f"{crash.kind}: {crash.text.splitlines()[0]}")
            for crash in crashes
            if any(re.search(text, crash.text) for text in TEXTS[fault])
        ] or None

    return decide


CLASS_COUNT, RATE, SETTINGS, LOADING = (
    Symptom(fault, _by_text(fault))
    for fault in (
        "wrong-class-count",
        "ascending-loss",
        "extreme-optimizer-settings",
        "partial-load",
    )
)


def _one_example(journal: Journal) -> Verdict:
    """The error of a batch norm, told where its batch is cut."""
    found = _by_text("batchnorm-batch-of-one")(journal)
    last = next((one.where for one in reversed(journal.of(Pass))), None)
    where = left_over(journal) or cut_up(journal, last)
    return found and [replace(one, where=where or one.where) for one in found]


ONE_EXAMPLE = Symptom("batchnorm-batch-of-one", _one_example)


def _nothing_to_learn(journal: Journal) -> tuple[Crash, bool] | None:
    """The error of a backward pass without a graph, and whether all parameters are frozen."""
    crashes = [one for one in journal.of(Crash) if re.search(TEXTS["graph-cut"][0], one.text)]
    models = [one for one in journal.of(Model) if one.names]
    frozen = bool(models) and all(not trains for model in models for _, _, trains in model.names)
    return (crashes[0], frozen) if crashes else None


def _cut(journal: Journal) -> Verdict:
    crash = _nothing_to_learn(journal)
    if crash is None or crash[1]:
        return None
    evidence = f"backward() stopped: no gradient can flow from the loss ({crash[0].text.splitlines()[0]})"
    return [finding("graph-cut", "fail", crash[0].where, evidence)]


def _frozen(journal: Journal) -> Verdict:
    crash = _nothing_to_learn(journal)
    if crash is None or not crash[1]:
        return None
    count = sum(len(model.names) for model in journal.of(Model))
    evidence = f"all {count} parameters have requires_grad=False, and backward() stopped"
    return [finding("frozen-parameters", "fail", crash[0].where, evidence)]


CUT, FROZEN = Symptom("graph-cut", _cut), Symptom("frozen-parameters", _frozen)


def _channels(journal: Journal) -> Verdict:
    """A convolution that expects as many channels as the last axis has."""
    for crash in journal.of(Crash):
        told = re.search(r"weight of size \[(.*?)\], expected input\[(.*?)\] to have (\d+) channels", crash.text)
        if not told:
            continue
        shape, wanted = [int(n) for n in told[2].split(",")], int(told[3])
        if len(shape) == 4 and shape[-1] == wanted:
            evidence = f"a convolution for {wanted} channels gets shape {shape}: the channels are last"
            return [finding("channel-order", "fail", crash.where, evidence)]
    return None


CHANNELS = Symptom("channel-order", _channels)


def explained(journal: Journal) -> bool:
    """Whether a fault explains the error."""
    known = (CLASS_COUNT, ONE_EXAMPLE, RATE, SETTINGS, LOADING, CUT, FROZEN, CHANNELS)
    return any(symptom.decide(journal) for symptom in known)
