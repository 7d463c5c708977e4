"""Faults in the mode of a model, and in keeping and loading its state."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from fairtrial.doctor.findings import Finding, finding
from fairtrial.doctor.journal import Journal, Verdict, decides
from fairtrial.doctor.observations import Aliased, Look, Model, Pass, StateLoaded, StateTaken, Statistics, Step
from fairtrial.doctor.symptoms.loss import line_like
from fairtrial.doctor.symptoms.places import leading
from fairtrial.doctor.symptoms.step import layers_named, listed

MOMENTUM = 0.1  # of torch's batch norms
# Weights that are gathered one by one, or into a dict, and not copied.
KEPT = r"^(?!.*(clone|copy)).*([\[{(].*\bfor\b.*\.(named_)?parameters\(\)|\bdict\(.*\.named_parameters\()"


@decides("training-in-eval-mode")
def training_in_eval_mode(journal: Journal) -> Verdict:
    """A model that learns while it is in evaluation mode."""
    seen = [one for one in journal.of(Pass) if one.backward and (one.active or one.idle)]
    if not seen:
        return None
    wrong = [one for one in seen if not one.training and one.idle and not one.active]
    if not wrong:
        return []
    taught = any(one.training for one in seen if one.model == wrong[0].model)
    before = "after it had been in training mode" if taught else "from the start"
    evidence = (
        f"{len(wrong)} of {len(seen)} training passes looked at ran in evaluation mode, {before}, with "
        f"{layers_named(list(wrong[0].idle))} switched off"
    )
    modes = wrong[0].switched
    on = [where for training, where in modes if training]  # once, where it would have to be for each epoch
    off = [where for training, where in modes if not training][-1:]
    idle = not _evaluated_before(journal, wrong[0])
    lines = [*off, *on] if idle else [*on, *(() if taught else off)]
    return [finding("training-in-eval-mode", "fail", next(iter(lines), wrong[0].where), evidence)]


def _evaluated_before(journal: Journal, learning: Pass) -> bool:
    """Whether evaluation mode served an evaluation since what was learned from last."""
    passes = journal.of(Pass)
    earlier = passes[: next(n for n, one in enumerate(passes) if one is learning)]
    since = next((n for n, one in reversed([*enumerate(earlier, 1)]) if one.backward), 0)
    return any(not one.training for one in earlier[since:])


@decides("stale-batchnorm")
def stale_batchnorm(journal: Journal) -> Verdict:
    """Running statistics that never move, forget all but the last batch, or are far from what is learned with."""
    layers = [
        (model, layer) for model in journal.of(Model) for layer in model.layers if layer.kind.startswith("BatchNorm")
    ]
    evaluated = [one for one in journal.of(Pass) if not one.grad and not one.training]
    if not layers or not journal.of(Step) or not evaluated:
        return None
    still = [(model, layer) for model, layer in layers if layer.momentum is not None and layer.momentum <= 1e-6]
    short = [(model, layer) for model, layer in layers if layer.momentum is not None and _batches(layer.momentum) < 1.5]
    if still:
        evidence = (
            f"momentum={still[0][1].momentum:g}: the statistics of {len(still)} batch norms stay at mean 0, variance 1"
        )
        return [finding("stale-batchnorm", "fail", still[0][1].where, evidence)]
    if short:
        evidence = (
            f"momentum={short[0][1].momentum:g}: {len(short)} batch norms evaluate with the last batch's statistics, "
            f"or nearly"
        )
        return [finding("stale-batchnorm", "warn", short[0][1].where, evidence, 0.9)]
    off = [one for one in journal.of(Statistics) if _far(one)]
    if off and not off[0].updates:
        one = off[0]
        evidence = (
            f"the statistics of {len(off)} batch norms, layer {one.name} first, are those of the start: no training "
            f"batch went through this model, whose weights follow another one's; with the batch's own mean and "
            f"variance {one.changed:.0%} of its predictions would change"
        )
        return [
            replace(
                finding("stale-batchnorm", "warn", one.where or evaluated[-1].where, evidence, 0.9),
                fix="Copy the buffers of the trained model too (buffers() beside parameters()), or run a few training "
                "batches through the copy in train mode.",
            )
        ]
    return [
        finding(
            "stale-batchnorm",
            "warn",
            one.where or evaluated[-1].where,
            f"after {one.updates} updates with momentum={one.momentum:.4g} the running variance of layer {one.name} is "
            f"{1 / one.variance:.3g} times the last training batch's, and its running mean {one.shift:.2g} standard "
            f"deviations away from it (medians of the channels), as in {len(off)} batch norms in all; with the "
            f"batch's own mean and variance {one.changed:.0%} of its predictions would change",
            0.9,
        )
        for one in off[:1]
    ]


def _far(one: Statistics) -> bool:
    """Whether half of the channels are off by a factor of 3, and most is still the start or predictions show it.

    A factor of 2 will do where a momentum below torch's own is why most is still the start.
    """
    start = (1 - one.momentum) ** one.updates if one.momentum is not None and one.updates else not one.updates
    slow = start > 0.5 and one.momentum is not None and one.momentum < MOMENTUM
    far = not 1 / 3 < one.variance < 3 or one.shift > 1
    return (far and (start > 0.5 or one.changed > 0.2)) or (slow and not 1 / 2 < one.variance < 2)


def _batches(momentum: float) -> float:
    """How many batches' statistics a running mean has in it: (sum of its weights)^2 / sum of their squares."""
    return (2 - momentum) / momentum if momentum else inf


@decides("best-state-alias")
def best_state_alias(journal: Journal) -> Verdict:
    """The live tensors are loaded into themselves, as a state of earlier steps."""
    loaded = journal.of(StateLoaded)
    if kept := _kept_whole(journal):
        return kept
    if not loaded and not journal.of(StateTaken):
        return None
    for one in loaded:
        if _kept_by_hand(journal, one):
            evidence = f"what is loaded at step {one.step} are the model's own tensors: no copy was kept"
            path = (one.where or "").rpartition(":")[0]
            return [finding("best-state-alias", "fail", line_like(journal, KEPT, path, 1) or one.where, evidence)]
        taken = [state for state in journal.of(StateTaken) if state.model == one.model and state.step <= one.step]
        earlier = [state for state in taken if state.step < one.step]
        held = any(state.kept for state in earlier) or taken[-1:] == earlier[-1:]
        if not one.own or len(one.own) < one.matched or not earlier or not held:
            continue
        evidence = (
            f"{len(one.own)} tensors loaded at step {one.step} are the model's own: what state_dict() gave at step "
            f"{earlier[-1].step} moved with the model"
        )
        return [finding("best-state-alias", "fail", earlier[-1].where, evidence)]
    return []


def _kept_whole(journal: Journal) -> list[Finding]:
    """A model itself is kept where its score was the best, no state of it, learns on, and is evaluated in the end."""
    looks = journal.of(Look)
    looked = {line for one in looks for line, _ in one.callers}
    for one in (one for one in journal.of(Aliased) if looks and looks[-1].model == one.model):
        states = [*journal.of(StateLoaded), *(taken for taken in journal.of(StateTaken) if taken.step <= one.step)]
        scored = looked & {line for line, _ in leading(journal, "choice", one.choice)}
        if scored and not any(state.model == one.model for state in states):
            evidence = (
                f"the model that is kept as the best one is no copy: at step {one.step} the same object learns on"
            )
            return [finding("best-state-alias", "fail", one.where, evidence)]
    return []


def _used(journal: Journal, loaded: StateLoaded) -> bool:
    """Whether a model had been called, or a state taken of it, at a step before this state was loaded."""
    seen = [*journal.of(Model), *journal.of(StateTaken)]
    return any(one.model == loaded.model and one.step < loaded.step for one in seen)


def _kept_by_hand(journal: Journal, loaded: StateLoaded) -> bool:
    """Whether a model's own tensors are loaded into it, which no state_dict() gave."""
    known = any(state.model == loaded.model for state in journal.of(StateTaken))
    return _used(journal, loaded) and not known and 0 < loaded.matched <= len(loaded.own)


@decides("partial-load")
def partial_load(journal: Journal) -> Verdict:
    """Names that do not match when a state is loaded, or that were filled up with the model's own tensors."""
    seen = journal.of(StateLoaded)
    if not seen:
        return None
    found: list[Finding] = []
    for one in seen:
        filled = () if _used(journal, one) else one.own  # what its own state_dict() gave just before
        missing = [*one.missing, *filled]
        if not missing:
            continue
        given, total = one.matched - len(filled), one.matched + len(one.missing)
        level = "fail" if given < total / 2 else "warn" if one.unexpected else "info"
        evidence = f"{given} of {total} tensors were loaded; missing {listed(missing)}" + (
            f"; not known {listed(list(one.unexpected))}" if one.unexpected else ""
        )
        found.append(finding("partial-load", level, one.where, evidence))
    return found
