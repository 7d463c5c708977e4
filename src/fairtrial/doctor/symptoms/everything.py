"""All symptoms together, and the diagnosis that they make of a journal."""

from __future__ import annotations

from collections.abc import Iterable

from fairtrial.doctor.catalogue import FAULTS
from fairtrial.doctor.findings import Diagnosis, Finding, ordered
from fairtrial.doctor.journal import Journal, Symptom
from fairtrial.doctor.observations import Seen
from fairtrial.doctor.symptoms import crash, loss, model, protocol, state, step

SYMPTOMS: tuple[Symptom, ...] = tuple(
    rule
    for part in (crash, loss, step, model, state, protocol)
    for rule in vars(part).values()
    if isinstance(rule, Symptom)
)


def diagnose(seen: Iterable[Seen], notes: tuple[str, ...] = ()) -> Diagnosis:
    """What all symptoms say of what was seen."""
    journal = Journal(seen)
    findings: list[Finding] = []
    checked: set[str] = set()
    for symptom in dict.fromkeys(SYMPTOMS):
        verdict = symptom.decide(journal)
        if verdict is not None:
            findings += verdict
            checked.add(symptom.fault)
    return Diagnosis(
        ordered(findings),
        tuple(name for name in FAULTS if name in checked),
        tuple(name for name in FAULTS if name not in checked),
        notes,
    )
