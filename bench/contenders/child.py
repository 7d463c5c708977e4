"""One contender at work: `epoch` and `score` come in as lines, each is answered by a line of JSON.

python -m contenders.child NAME JOB
"""

from __future__ import annotations

import json
import os
import sys

from contenders.job import Contender, Job


def make(name: str, job: Job) -> Contender:
    """The contender; only its own libraries are imported."""
    if name.startswith("keras"):
        from contenders.with_keras import Keras

        return Keras(job)
    if name.startswith("jax"):
        from contenders.with_jax import JaxEpoch, JaxStep

        return JaxStep(job) if name == "jax-step" else JaxEpoch(job)
    if name == "lightning":
        from contenders.with_lightning import Lightning

        return Lightning(job)
    if name == "skorch":
        from contenders.with_skorch import Skorch

        return Skorch(job)
    from contenders import with_torch as torch

    own = {"fairtrial": torch.Fairtrial, "fairtrial-numpy": torch.FairtrialNumpy, "plain": torch.PlainLoop}
    return own.get(name, torch.Tutorial)(job)


def main() -> None:
    """Answer until the parent closes the line."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    name, job = sys.argv[1], Job(**json.loads(sys.argv[2]))
    contender = make(name, job)
    for line in sys.stdin:
        print(json.dumps(contender.epoch() if line.strip() == "epoch" else contender.accuracy()), file=answers)


if __name__ == "__main__":
    main()
