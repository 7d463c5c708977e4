"""All symptoms together, and the diagnosis that they make of a journal."""

from __future__ import annotations

from collections.abc import Iterable

from fairtrial.doctor.catalogue import FAULTS
from fairtrial.doctor.findings import Diagnosis, Finding, ordered
from fairtrial.doctor.journal import Journal, Symptom
from fairtrial.doctor.observations import Backward, Seen, Tried
from fairtrial.doctor.symptoms import crash, data, loss, model, protocol, state, step, tried

SYMPTOMS: tuple[Symptom, ...] = tuple(
    rule
    for part in (crash, loss, step, model, state, data, protocol, tried)
    for rule in vars(part).values()
    if isinstance(rule, Symptom)
)

# Faults of something that a script may do without: where training was seen and it was not done, they are not there.
OPTIONAL = frozenset(
    (
        "softmax-before-cross-entropy",
        "log-softmax-before-cross-entropy",
        "sigmoid-before-cross-entropy",
        "nll-on-non-log-probabilities",
        "sigmoid-before-bce-with-logits",
        "single-output-for-many-classes",
        "bce-for-single-label",
        "mse-for-classification",
        "inverted-class-weights",
        "batchnorm-batch-of-one",
        "clipping-too-tight",
        "schedule-too-fast",
        "stale-batchnorm",
        "best-state-alias",
        "best-not-restored",
        "partial-load",
        "repeated-worker-rng",
        "fp16-underflow",
    )
)


def diagnose(seen: Iterable[Seen], notes: tuple[str, ...] = ()) -> Diagnosis:
    """What all symptoms say of what was seen."""
    journal = Journal(seen)
    findings: list[Finding] = []
    checked: set[str] = set()
    for symptom in dict.fromkeys(SYMPTOMS):
        try:
            verdict = symptom.decide(journal)
        except Exception as error:  # one rule that stumbles over something unforeseen must not silence the others
            notes = (*notes, f"the rule for {symptom.fault} failed: {error!r}")
            continue
        if verdict is not None:
            findings += verdict
            checked.add(symptom.fault)
    if journal.of(Backward):
        checked |= OPTIONAL
    return Diagnosis(
        ordered(tried.found_by_trying(findings, journal.of(Tried))),
        tuple(name for name in FAULTS if name in checked),
        tuple(name for name in FAULTS if name not in checked),
        notes,
    )


def suspected(seen: Iterable[Seen]) -> tuple[str, ...]:
    """The faults that something speaks for and nothing proves, so that their fixes are worth trying."""
    known = diagnose(seen).findings
    warned = {found.fault for found in known if found.level == "warn"}
    wanted = warned | tried.suspicions(Journal(seen))
    if any(found.level != "info" for found in known):  # which may keep the net from learning
        wanted -= tried.OWN - warned
    return tuple(name for name in FAULTS if name in wanted)
