"""`with ft.watch() as seen:` around any training loop; then `seen.findings`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from fairtrial.doctor.findings import Finding
from fairtrial.doctor.symptoms.everything import diagnose


class Seen:
    """What a watch has found: complete once its block is left, what is known so far before."""

    def __init__(self) -> None:
        self.diagnosis = diagnose(())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The faults, those to mend first in front."""
        return self.diagnosis.findings

    @property
    def checked(self) -> tuple[str, ...]:
        """The faults that would have been seen."""
        return self.diagnosis.checked

    @property
    def not_observable(self) -> tuple[str, ...]:
        """The faults that nothing in this training could have shown."""
        return self.diagnosis.not_observable

    def __repr__(self) -> str:
        told = "; ".join(f"{found.level} {found.fault} at {found.where}" for found in self.findings)
        return f"{told or 'no fault found'} ({len(self.checked)} faults checked)"


@contextmanager
def watch() -> Generator[Seen]:
    """Watch the training inside the block, without changing anything in it."""
    from fairtrial.doctor.seams import watching  # needs torch
    from fairtrial.doctor.watch import Watch

    seen, watched = Seen(), Watch()
    try:
        with watching(watched):
            yield seen
    finally:
        watched.finish()
        seen.diagnosis = diagnose(watched.journal)
