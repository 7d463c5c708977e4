"""Faults in the mode of a model, and in keeping and loading its state."""

from __future__ import annotations

from itertools import pairwise

from fairtrial.doctor.findings import Finding, finding
from fairtrial.doctor.journal import Journal, Verdict, decides
from fairtrial.doctor.observations import Batch, Input, Loader, Model, Pass, StateLoaded, StateTaken, Step, Trained
from fairtrial.doctor.symptoms.step import listed


@decides("evaluation-in-train-mode")
def evaluation_in_train_mode(journal: Journal) -> Verdict:
    """Judged without learning, with dropout or batch norm at work."""
    seen = [one for one in journal.of(Pass) if not one.grad and one.judged and one.input]
    learned = {one.model for one in journal.of(Pass) if one.backward}
    seen = [one for one in seen if one.model in learned]
    if not seen:
        return None
    wrong = [one for one in seen if (one.training and one.active) or one.switched_on]
    if not wrong or _sampling([one for one in journal.of(Pass) if not one.grad and (one.active or one.switched_on)]):
        return []
    what = "a dropout that ignores eval()" if wrong[0].switched_on else listed(list(wrong[0].active))
    evidence = f"{len(wrong)} of {len(seen)} evaluation passes looked at ran with {what} in training mode"
    return [finding("evaluation-in-train-mode", "fail", wrong[0].switched_on or wrong[0].where, evidence)]


def _sampling(passes: list[Pass]) -> bool:
    """Whether the same images are given again and again, as Monte-Carlo dropout does."""
    looks = [(one.phase, one.input.digest) for one in passes if one.input]
    return len(set(looks)) < len(looks)


@decides("training-in-eval-mode")
def training_in_eval_mode(journal: Journal) -> Verdict:
    """A model that learns while it is in evaluation mode."""
    seen = [one for one in journal.of(Pass) if one.backward and (one.active or one.idle)]
    if not seen:
        return None
    wrong = [one for one in seen if not one.training and one.idle and not one.active]
    if not wrong:
        return []
    before = "after it had been in training mode" if any(one.training for one in seen) else "from the start"
    evidence = (
        f"{len(wrong)} of {len(seen)} training passes looked at ran in evaluation mode, {before}, with "
        f"{listed(list(wrong[0].idle))} switched off"
    )
    return [finding("training-in-eval-mode", "fail", wrong[0].where, evidence)]


@decides("stale-batchnorm")
def stale_batchnorm(journal: Journal) -> Verdict:
    """Running statistics that never move, or forget all but the last batch."""
    layers = [
        (model, layer) for model in journal.of(Model) for layer in model.layers if layer.kind.startswith("BatchNorm")
    ]
    evaluated = [one for one in journal.of(Pass) if not one.grad and not one.training]
    if not layers or not journal.of(Step) or not evaluated:
        return None
    still = [(model, layer) for model, layer in layers if layer.momentum is not None and layer.momentum <= 1e-6]
    short = [(model, layer) for model, layer in layers if layer.momentum is not None and layer.momentum >= 1]
    if still:
        evidence = (
            f"momentum={still[0][1].momentum:g}: the statistics of {len(still)} batch norms stay at mean 0, variance 1"
        )
        return [finding("stale-batchnorm", "fail", still[0][1].where, evidence)]
    if short:
        evidence = (
            f"momentum={short[0][1].momentum:g}: {len(short)} batch norms evaluate with the last batch's statistics"
        )
        return [finding("stale-batchnorm", "warn", short[0][1].where, evidence, 0.9)]
    return []


@decides("best-state-alias")
def best_state_alias(journal: Journal) -> Verdict:
    """The live tensors are loaded into themselves, as a state of earlier steps."""
    loaded = journal.of(StateLoaded)
    if not loaded and not journal.of(StateTaken):
        return None
    for one in loaded:
        taken = [state for state in journal.of(StateTaken) if state.model == one.model and state.step <= one.step]
        earlier = [state for state in taken if state.step < one.step]
        held = any(state.kept for state in earlier) or taken[-1:] == earlier[-1:]
        if not one.aliases or one.aliases < one.matched or not earlier or not held:
            continue
        evidence = (
            f"{one.aliases} tensors loaded at step {one.step} are the model's own: what state_dict() gave at step "
            f"{earlier[-1].step} moved with the model"
        )
        return [finding("best-state-alias", "fail", earlier[-1].where, evidence)]
    return []


@decides("partial-load")
def partial_load(journal: Journal) -> Verdict:
    """Names that do not match when a state is loaded."""
    seen = journal.of(StateLoaded)
    if not seen:
        return None
    found: list[Finding] = []
    for one in seen:
        if not one.missing:
            continue
        total = one.matched + len(one.missing)
        level = "fail" if one.matched < total / 2 else "warn" if one.unexpected else "info"
        evidence = f"{one.matched} of {total} tensors were loaded; missing {listed(list(one.missing))}" + (
            f"; not known {listed(list(one.unexpected))}" if one.unexpected else ""
        )
        found.append(finding("partial-load", level, one.where, evidence))
    return found


@decides("identical-seeds")
def identical_seeds(journal: Journal) -> Verdict:
    """Models of several trainings that end with the same weights."""
    seen = [one for one in journal.of(Trained) if one.first != one.last]
    if len(seen) < 2:
        return None
    same = [one for one in seen if (one.first, one.last) == (seen[0].first, seen[0].last)]
    if len(same) < 2:
        return []
    evidence = f"{len(same)} of {len(seen)} trained models have the same weights at the end, bit for bit"
    where = next((model.where for model in journal.of(Model) if model.model == same[1].model), None)
    return [finding("identical-seeds", "fail" if len(same) > 2 else "warn", where, evidence)]


@decides("input-scale")
def input_scale(journal: Journal) -> Verdict:
    """Raw pixels, or inputs that were scaled away."""
    passes = [one for one in journal.of(Pass) if one.backward and one.input and one.input.finite]
    normed = {m.model for m in journal.of(Model) if _begins_with_norm(m)}
    seen: list[tuple[Pass, Input]] = [(one, one.input) for one in passes if one.input and one.model not in normed]
    if not seen:
        return None
    if all(given.maximum > 100 and given.minimum >= 0 and given.deviation > 10 for _, given in seen):
        given = seen[0][1]
        evidence = (
            f"the model is fed numbers from {given.minimum:g} to {given.maximum:g} (mean {given.mean:.3g}, deviation "
            f"{given.deviation:.3g})"
        )
        return [finding("input-scale", "warn", seen[0][0].where, evidence, 0.9)]
    if all(len(given.shape) > 2 and 0 < given.deviation < 0.02 for _, given in seen):
        given = seen[0][1]
        evidence = f"the inputs' deviation is {given.deviation:.2g} (mean {given.mean:.3g})"
        return [finding("input-scale", "warn", seen[0][0].where, evidence, 0.9)]
    return []


def _begins_with_norm(model: Model) -> bool:
    kinds = [layer.kind for layer in model.layers if layer.rows or "Norm" in layer.kind]
    return bool(kinds) and "Norm" in kinds[0]


@decides("repeated-batch")
def repeated_batch(journal: Journal) -> Verdict:
    """The same images at step after step, where there are more."""
    seen = [one for one in journal.of(Pass) if one.backward and one.input and one.step]
    if len({one.step for one in seen}) < 3:
        return None
    if len({one.input.digest for one in seen if one.input}) > 1:
        return []
    loaders = [one for one in journal.of(Loader) if one.length > one.batch > 0]
    given = seen[0].input
    if loaders and journal.of(Batch) and given and given.shape[0] == loaders[0].batch:
        whole = f"a batch of {loaders[0].batch} of {loaders[0].length}"
    elif given and given.share < 0.9:
        whole = f"{given.share:.0%} of the tensor they were cut out of"
    else:
        return []
    evidence = f"the same {given.shape[0]} inputs at all {len(seen)} steps looked at: {whole}"
    return [finding("repeated-batch", "fail", seen[0].where, evidence)]


@decides("unshuffled-training")
def unshuffled_training(journal: Journal) -> Verdict:
    """Labels that come sorted."""
    learned = {one.step for one in journal.of(Pass) if one.backward}
    batches = [one for one in journal.of(Batch) if one.labels and one.step in learned]
    used = {one.loader for one in batches}
    loaders = [one for one in journal.of(Loader) if one.loader in used]
    if not loaders:
        return None
    found: list[Finding] = []
    for loader in loaders:
        labels = [y for one in batches if one.loader == loader.loader and one.round == 0 for y in one.labels]
        excess = _neighbours(labels)
        if excess > 10:
            evidence = (
                f"neighbours among {len(labels)} training labels are equal {excess:.0f} deviations more "
                "often than by chance"
            )
            found.append(finding("unshuffled-training", "fail", loader.where, evidence))
    return found[:1]


def _neighbours(labels: list[int]) -> float:
    """How many standard deviations the equal neighbours exceed what a random order has."""
    n = len(labels)
    if n < 20:
        return 0.0
    counts = [labels.count(label) for label in set(labels)]
    chance = sum(count * (count - 1) for count in counts) / (n * (n - 1))
    equal = sum(a == b for a, b in pairwise(labels))
    deviation = ((n - 1) * chance * (1 - chance)) ** 0.5
    return (equal - (n - 1) * chance) / deviation if deviation else 0.0
