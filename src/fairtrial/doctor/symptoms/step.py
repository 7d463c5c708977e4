"""Faults in the optimisation step: gradients, optimizers, rates."""

from __future__ import annotations

import re
from itertools import pairwise
from statistics import median

from fairtrial.doctor.findings import Finding, Level, finding
from fairtrial.doctor.journal import Journal, Verdict, decides
from fairtrial.doctor.observations import (
    Added,
    Backward,
    Clipped,
    End,
    Loader,
    LossCall,
    Misfrozen,
    Model,
    OptimizerMade,
    Pass,
    Rates,
    Rescaled,
    SameMember,
    Scheduled,
    ScheduleMade,
    Shared,
    Source,
    Step,
    Stepped,
    Still,
    Trained,
)
from fairtrial.doctor.symptoms import places
from fairtrial.doctor.symptoms.loss import line_like, scale_free, text_of
from fairtrial.doctor.watched.part import CLOSE

# A rate that stays below this share of its height before this share of its steps; two drops to a tenth are a schedule's
# whole way.
GONE: tuple[tuple[float, Level, float], ...] = ((1e-3, "fail", 0.2), (1.1e-2, "fail", 0.05), (1e-3, "warn", 0.5))
CAPPED = 1e-2  # spread of gradients' sizes, as a share, that are cut to one
RESCALING = (
    r"_foreach_(mul|div|clamp)\w*_\(|\bg(rad)?s?\b[\w.\[\]()]*\.(mul_|div_|clamp\w*_|copy_)\("
    r"|\bg(rad)?s?\b[\w.\[\]]*\s*[*/]=|\.grad\b(\.data)?\s*=[^=]"
)
CUT_UP = r"\.(array_|tensor_)?(split|chunk|unfold)\(|\brange\(.*,|batched\(|batch_size"  # into batches
BY_HAND = 16  # times the loss: whoever multiplies it by more scales it by hand


@decides("missing-zero-grad")
def missing_zero_grad(journal: Journal) -> Verdict:
    """Gradients that a step has used are added to."""
    later = [step for step in journal.of(Step) if step.backwards and step.step]
    if not later:
        return None
    got, held = reached(journal), {one.optimizer: one.parameters for one in journal.of(OptimizerMade)}
    # Gradients that are put in place, such as those of a copy in 16-bit floats, are not added to.
    stale = [step for step in later if step.stale and (held.get(step.optimizer, got) & got or not got)]
    if not stale or (len(stale) == 1 and len(later) > 2):
        return []
    evidence = f"the gradients of the last step were still there at {len(stale)} of {len(later)} steps looked at"
    close = [step for step in later if step.step < CLOSE]
    # Where they are cleared now and then, it is the step that comes too often.
    too_often = [a for a, b in pairwise(close) if a.stale and not b.stale]
    where = stale[0].where if too_often else stale[0].backward_where
    return [finding("missing-zero-grad", "fail", where, evidence)]


def reached(journal: Journal, since: int = 0) -> frozenset[int]:
    """All parameters that a backward pass got to, from this step on."""
    seen = (b.reached for b in journal.of(Backward) if b.step >= since)
    return frozenset[int]().union(*(one for one in seen if one is not None))


@decides("no-gradient-at-step")
def no_gradient_at_step(journal: Journal) -> Verdict:
    """Steps without a gradient."""
    steps = [step for step in journal.of(Step) if step.parameters and step.settings]
    if not steps:
        return None
    empty = [step for step in steps if not any(p.gradient for p in step.parameters)]
    if len(empty) < len(steps):
        return []
    first = empty[0]
    if first.cleared_after_backward:
        evidence = "zero_grad() comes between backward() and step(): all gradients are gone"
    elif not first.backwards:
        evidence = "no backward() before step()"
    else:
        evidence = "backward() was called, but no parameter of the optimizer has a gradient"
    evidence += f", at each of {len(empty)} steps looked at"
    return [finding("no-gradient-at-step", "fail", first.where, evidence)]


@decides("weights-not-updated")
def weights_not_updated(journal: Journal) -> Verdict:
    """Backward passes, and the same weights in the end."""
    trained, end = journal.of(Trained), journal.of(End)
    if still := _still(journal):
        return still
    if not trained or not end or end[0].backwards < 2:
        return None
    if any(one.first != one.last for one in trained):
        return []
    got = reached(journal)
    models = {model.model for model in journal.of(Model) if got & {serial for serial, _, _ in model.names}}
    if not models & {one.model for one in trained}:
        return []
    back, steps, made = journal.of(Backward), journal.of(Step), journal.of(OptimizerMade)
    if not steps:
        evidence = f"{end[0].backwards} backward passes, and step() was never called"
        where = never_stepped(journal, back[0].where) if made else None
        where = where or new_name(journal, back[0].where) or back[0].where
        return [finding("weights-not-updated", "fail", where, evidence)]
    if any(rate.lr for rate in journal.of(Rates)):
        return []
    evidence = "all steps were made with learning rate 0; the weights are those of the start, bit for bit"
    planned = [one.where for one in journal.of(ScheduleMade)] if made and made[0].rate else []
    where = planned[0] if planned else made[0].where if made else steps[0].where
    return [finding("weights-not-updated", "fail", where, evidence)]


def _still(journal: Journal) -> Verdict:
    """The same parameters at each backward pass, and no optimizer."""
    seen = journal.of(Still)
    if len(seen) < 3 or journal.of(Step) or journal.of(OptimizerMade):
        return None
    kept = frozenset[int].intersection(*(one.parameters for one in seen))
    if not kept:
        return None
    evidence = f"{len(kept)} parameters have gradients, and were the same at {len(seen)} backward passes looked at"
    return [finding("weights-not-updated", "fail", new_name(journal, seen[0].where) or seen[0].where, evidence)]


def never_stepped(journal: Journal, where: str | None) -> str | None:
    """The optimizer's step after a backward pass that no turn of its loop gets to."""
    path, _, number = (where or "").rpartition(":")
    return line_like(journal, r"(?i)^(?!.*sched)[^#]*\.step\(", path, int(number) + 1) if path else None


def new_name(journal: Journal, where: str | None) -> str | None:
    """A line of the same file that gives the name of a weight to a new tensor, as `w = w - rate * g` does."""
    path = (where or "").rpartition(":")[0]
    return line_like(journal, r"^\s*(\w+)\s*=\s*(\1\s*-\s|torch\.sub\(\1\b|\1\.sub\()", path, 1)


@decides("optimizer-of-another-model")
def optimizer_of_another_model(journal: Journal) -> Verdict:
    """No parameter of the optimizer is behind the loss."""
    got, made = reached(journal), {one.optimizer: one for one in journal.of(OptimizerMade)}
    steps = [step for step in journal.of(Step) if step.backwards]
    if not got or not steps or not made:
        return None
    fed = {step.optimizer for step in steps if any(p.gradient for p in step.parameters)}  # by hand
    found: dict[int, Finding] = {}
    for step in steps:  # of those that were not looked at whole nobody knows whether a gradient came
        held = made.get(step.optimizer) if step.parameters else None
        if held is None or step.step < 1 or step.optimizer in fed:
            continue
        since = reached(journal, held.step)
        if held.parameters & got and (not since or held.parameters & since):
            continue
        count = len(since or got)
        evidence = (
            f"none of the optimizer's {len(held.parameters)} parameters is among the {count} that gradients reach"
        )
        where = put_in_place(journal, held.where) or held.given or held.where
        found[step.optimizer] = finding("optimizer-of-another-model", "fail", where, evidence)
    return list(found.values())


def put_in_place(journal: Journal, where: str | None) -> str | None:
    """The line after an object's constructor that gives it another model than the one its optimizer was built for."""
    held = re.search(r"\b(self\.[\w.]+)\.(named_)?parameters\(", text_of(journal, where)) if where else None
    if where is None or held is None:
        return None
    path, _, number = where.rpartition(":")
    return line_like(journal, rf"^\s*{re.escape(held[1])}\s*=[^=]", path, int(number) + 1)


@decides("parameters-missing-from-optimizer")
def parameters_missing_from_optimizer(journal: Journal) -> Verdict:
    """Parameters with gradients that no optimizer holds."""
    got, made = reached(journal), journal.of(OptimizerMade)
    names = {serial: name for model in journal.of(Model) for serial, name, _ in model.names}
    added = {serial: (name, one.where) for one in journal.of(Added) for serial, name in one.names}
    names |= {serial: name for serial, (name, _) in added.items()}
    if not got or not made or not journal.of(Step):
        return None
    held = frozenset[int]().union(*(one.parameters for one in made))
    missing = [serial for serial in sorted(got - held) if serial in names]
    if not missing or not got & held:
        return []
    evidence = (
        f"{len(missing)} of {len(got)} parameters with gradients are in no optimizer: "
        f"{listed([names[serial] for serial in missing])}"
    )
    where = added[missing[0]][1] if missing[0] in added else optimizer_beside(journal, missing[0])
    return [finding("parameters-missing-from-optimizer", "fail", where, evidence)]


def optimizer_beside(journal: Journal, serial: int) -> str | None:
    """The line of the optimizer that holds other parameters of the model which this one belongs to."""
    made = journal.of(OptimizerMade)
    beside = {
        one for model in journal.of(Model) for one, _, _ in model.names if serial in {n for n, _, _ in model.names}
    }
    where = next((one.where for one in reversed(made) if one.parameters & beside), made[0].where)
    return last_given(journal, where) or where


def last_given(journal: Journal, where: str | None) -> str | None:
    """The last line before this one that gives the name a value which its call gets first: `groups` in Adam(groups)."""
    called = (
        re.search(r"(?:=|\breturn)\s*[\w.]+\(\s*(?:params=)?(\w+)\s*[,)]", text_of(journal, where)) if where else None
    )
    path, _, number = (where or "").rpartition(":")
    texts = next((seen.lines for seen in journal.of(Source) if seen.path == path), ())[: int(number or 1) - 1]
    given = [n for n, text in enumerate(texts, 1) if called and re.match(rf"\s*{called[1]}\s*\+?=[^=]", text)]
    return f"{path}:{given[-1]}" if given else None


def listed(names: list[str]) -> str:
    """The first few names."""
    return ", ".join(names[:4]) + (" ..." if len(names) > 4 else "")


def layers_named(names: list[str]) -> str:
    """The first layers of these names, which may be numbers alone."""
    return f"layer{'s' if len(names) > 1 else ''} {listed(names)}"


@decides("frozen-parameters")
def frozen_parameters(journal: Journal) -> Verdict:
    """Nothing is trainable, or most weights are not and hold random numbers; or freezing where it does nothing."""
    models = [model for model in journal.of(Model) if model.names]
    if not models or not journal.of(OptimizerMade):
        return None
    held = frozenset[int]().union(*(one.parameters for one in journal.of(OptimizerMade)))
    got = reached(journal)
    found: list[Finding] = []
    for one in journal.of(Misfrozen):
        evidence = f"requires_grad is set on a module ({one.name}): its parameters go on learning"
        found.append(finding("frozen-parameters", "fail", one.where, evidence))
    for model in models:
        stuck = [name for serial, name, trains in model.names if not trains and serial in held]
        if stuck and len(stuck) == len(model.names) and not got:
            evidence = f"all {len(stuck)} parameters have requires_grad=False"
            found.append(finding("frozen-parameters", "fail", model.where, evidence))
        elif got & {serial for serial, _, _ in model.names} and (drawn := frozen_as_drawn(model, held - got)):
            evidence = (
                f"the weights of {layers_named(drawn)} are given to an optimizer, but have requires_grad=False and are "
                f"the random ones of the start"
            )
            found.append(finding("frozen-parameters", "warn", freezing(journal) or model.where, evidence, 0.8))
    return found


def freezing(journal: Journal) -> str | None:
    """The first line that says whether parameters learn."""
    paths = [one.path for one in journal.of(Source)]
    return next((line for path in paths if (line := line_like(journal, r"\brequires_grad", path, 1))), None)


def frozen_as_drawn(model: Model, idle: frozenset[int]) -> list[str]:
    """The layers with random weights that are frozen and among these, if they are most of all."""
    still = {serial for serial, name, trains in model.names if not trains and name.endswith("weight")} & idle
    layers = [layer for layer in model.layers if layer.rows]
    drawn = [layer.name for layer in layers if layer.fresh and layer.parameters & still]
    return drawn if len(drawn) > max(len(layers) / 2, 1) else []


@decides("optimizer-recreated")
def optimizer_recreated(journal: Journal) -> Verdict:
    """Optimizers of the same parameters, from one line, unless another model was meant each time."""
    made = journal.of(OptimizerMade)
    if not made:
        return None
    if journal.of(SameMember) or any(map(held_out_late, journal.of(Shared))):
        return []
    again = [one for one in made if one.replaces is not None and one.step and one.looped]
    lines: dict[str | None, list[OptimizerMade]] = {}
    for one in again:
        lines.setdefault(one.looped, []).append(one)
    return [
        finding(
            "optimizer-recreated",
            "fail" if ones[0].remembers else "info",
            where,
            f"{ones[0].kind} was built {len(ones) + 1} times for the same parameters, at steps "
            f"{listed([str(one.step) for one in ones])}",
        )
        for where, ones in lines.items()
        if len(ones) > 1
    ]


def held_out_late(shared: Shared) -> bool:
    """Whether the last fit alone held out what is evaluated: the same model learned it in a fit before."""
    return 2 * shared.earlier > shared.evaluated


@decides("schedule-too-fast")
def schedule_too_fast(journal: Journal) -> Verdict:
    """The rate is gone after a small part of the steps, or the cosine ran far past its end."""
    scheduled, end = journal.of(Scheduled), journal.of(End)
    rates = journal.of(Rates)
    if not end or not end[0].step or not (scheduled or len(rates) > 1):
        return None
    where = (
        counted_in_steps(journal) or handed_over(journal, scheduled[0].where) if scheduled else rate_by_hand(journal)
    )
    found: list[Finding] = []
    for span in journal.of(Stepped):
        trace = [rate for rate in rates if rate.optimizer == span.optimizer]
        top, total = max(rate.lr for rate in trace), span.last + 1 - span.first
        for share, level, early in GONE:
            low = [rate.lr < share * top for rate in trace]
            gone = trace[len(low) - low[::-1].index(False)] if low[-1] else None  # for good
            if gone and gone.step - span.first < early * total:
                evidence = (
                    f"the learning rate fell from {top:.3g} to {gone.lr:.3g} by step {gone.step - span.first} of "
                    f"{total}, and stayed below {share:g} of its highest value"
                )
                found.append(finding("schedule-too-fast", level, where, evidence))
                break
    last = scheduled[-1] if scheduled else None
    if not found and last and last.cycle and last.count >= 4 * last.cycle:
        evidence = f"{last.kind} with T_max={last.cycle} made {last.count} steps or more: the rate went up again"
        found.append(finding("schedule-too-fast", "fail", last.where, evidence))
    if not found and scheduled and scheduled[0].before_optimizer:
        evidence = "scheduler.step() comes before the first optimizer.step(): the first rate is skipped"
        found.append(finding("schedule-too-fast", "warn", scheduled[0].where, evidence))
    return found


def counted_in_steps(journal: Journal) -> str | None:
    """The line that makes the only scheduler, if it counts in steps: to call it at each is what it is made for."""
    made = {one.where for one in journal.of(ScheduleMade)}
    counts = [
        where for where in made if where and re.search(r"(?i)steps|iters|iterations|batches", text_of(journal, where))
    ]
    return counts[0] if len(made) == 1 and counts else None


def handed_over(journal: Journal, where: str | None) -> str | None:
    """The line that gives a scheduler's step away to be called, where it is called by another name."""
    if where is None or "step" in text_of(journal, where):
        return where
    return line_like(journal, r"\.step\b(?!\s*\()", where.rpartition(":")[0], 1) or where


def rate_by_hand(journal: Journal) -> str | None:
    """The line that sets a rate without a scheduler."""
    files = [seen.path for seen in journal.of(Source)]
    return next(
        (line for path in files if (line := line_like(journal, r"\[.lr.\]\s*[*/]?=[^=]|param_groups.*\blr=", path, 1))),
        None,
    )


@decides("batchnorm-batch-of-one")
def batchnorm_batch_of_one(journal: Journal) -> Verdict:
    """Batch norm trained on a batch of one example."""
    normed = {m.model for m in journal.of(Model) if any(layer.kind.startswith("BatchNorm") for layer in m.layers)}
    seen = [one for one in journal.of(Pass) if one.model in normed and one.training and one.grad and one.input]
    if not seen:
        return None
    single = [one for one in seen if one.input and one.input.shape[0] == 1 and one.active and one.backward]
    rests = with_rest(journal)
    if not single:
        return []
    where = left_over(journal) or one_by_one(journal) or cut_up(journal, single[0].where) or single[0].where
    level = "fail" if len(single) == len(seen) else "warn"
    evidence = f"{len(single)} of {len(seen)} training batches looked at have one example"
    if rests:
        evidence += f": {rests[0].length} examples in batches of {rests[0].batch} leave one over"
    return [finding("batchnorm-batch-of-one", level, where, evidence)]


def with_rest(journal: Journal) -> list[Loader]:
    """Loaders whose last batch has one example."""
    return [one for one in journal.of(Loader) if one.batch > 1 and not one.drop_last and one.length % one.batch == 1]


def left_over(journal: Journal) -> str | None:
    """The line that builds a loader whose last batch has one example."""
    return loader_made(journal, next((one.where for one in with_rest(journal)), None))


def one_by_one(journal: Journal) -> str | None:
    """The line that builds a loader of single examples, which are learned from."""
    used = {one.loader for one in journal.of(Pass) if one.backward}
    single = (one.where for one in journal.of(Loader) if one.loader in used and one.batch == 1)
    return loader_made(journal, next(single, None))


def loader_made(journal: Journal, where: str | None) -> str | None:
    """The line that builds the loader which a line reads."""
    return places.first(places.leading(journal, "loader", where), r"DataLoader\(") or where


def cut_up(journal: Journal, where: str | None) -> str | None:
    """The line that cuts what a line learns from into batches."""
    return places.first(places.leading(journal, "learned", where), CUT_UP)


@decides("clipping-too-tight")
def clipping_too_tight(journal: Journal) -> Verdict:
    """Clipping at the wrong place, or to next to nothing."""
    seen = journal.of(Clipped)
    if not seen:
        return clipped_by_hand(journal)
    if all(one.scaled for one in seen):
        evidence = (
            "the gradients are still multiplied by the GradScaler's scale when they are clipped: unscale_() is missing"
        )
        return [finding("clipping-too-tight", "fail", seen[0].where, evidence)]
    late = [one for one in seen if not one.fresh]
    if len(late) == len(seen):
        evidence = f"at each of {len(seen)} calls no backward() lay between the last step and the clipping"
        return [finding("clipping-too-tight", "fail", seen[0].where, evidence)]
    tight = [one for one in seen if one.norm > 100 * one.limit]
    if len(seen) < 5 or len(tight) < 0.95 * len(seen) or scale_free(journal):
        return []
    norm = sorted(one.norm for one in tight)[len(tight) // 2]
    evidence = (
        f"{len(tight)} of {len(seen)} gradients looked at are cut to less than 1 % of their norm: {norm:.3g} to "
        f"{tight[0].limit:.3g}"
    )
    return [finding("clipping-too-tight", "warn", seen[0].where, evidence, 0.9)]


def clipped_by_hand(journal: Journal) -> Verdict:
    """Gradients of any size that were all cut to less than 1 %, to the same norm or the same largest entry."""
    seen = [one for one in journal.of(Rescaled) if one.used[0] > 0]
    if not seen:
        return None
    if len(seen) < 5 or scale_free(journal):
        return []
    for size in (0, 1):
        left, used = [one.left[size] for one in seen], [one.used[size] for one in seen]
        if spread(used) < CAPPED < spread(left) and sum(
            a > 100 * b for a, b in zip(left, used, strict=True)
        ) > 0.95 * len(seen):
            steps = [step.where for step in journal.of(Step)]
            path = (steps[0] or "").rpartition(":")[0]
            cut = f"{left[0]:.3g} to {used[0]:.3g}"
            evidence = f"{len(seen)} gradients looked at are cut to less than 1 % of their norm: {cut}"
            where = line_like(journal, RESCALING, path, 1) or steps[0]
            return [finding("clipping-too-tight", "warn", where, evidence, 0.9)]
    return []


def spread(sizes: list[float]) -> float:
    """How far apart these are, as a share of the largest."""
    return (max(sizes) - min(sizes)) / max(sizes)


@decides("non-finite")
def non_finite(journal: Journal) -> Verdict:
    """The first loss or gradient that is no number."""
    back = journal.of(Backward)
    if not back:
        return None
    names = {serial: name for model in journal.of(Model) for serial, name, _ in model.names}
    first = next((b for b in back if not b.finite), None)
    losses = {call.step: call.where for call in journal.of(LossCall) if call.learning}
    singular = next((b.singular for b in back if b.singular), None)
    for step in journal.of(Step):
        broken = [p for p in step.parameters if not p.finite]
        if broken and (first is None or step.step < first.step):
            where = listed([names.get(p.serial, "a parameter") for p in broken])
            evidence = f"at step {step.step} the gradients of {where} are not finite"
            if singular:
                evidence += f"; {singular.name.lower()} is taken of 0, where its derivative is infinite"
            line = (singular.where if singular else None) or losses.get(step.step) or step.where
            return [finding("non-finite", "fail", line, evidence)]
    if first is None:
        return []
    line = divided(journal, first.step) or losses.get(first.step, first.where)
    return [finding("non-finite", "fail", line, f"at step {first.step} the loss is {first.value}")]


def divided(journal: Journal, step: int) -> str | None:
    """The line that makes what a model learns from by a division or a logarithm, where that is not finite."""
    fed = [one for one in journal.of(Pass) if one.backward and one.step <= step and one.input and not one.input.finite]
    lines = places.leading(journal, "learned", fed[0].where) if fed else ()
    return places.first(lines, r"[\w)\]]\s*/\s*\(?[A-Za-z_]", r"\blog\w*\(|sqrt\(")


@decides("over-regularised")
def over_regularised(journal: Journal) -> Verdict:
    """Weight decay stronger than the loss's gradient from the first steps on."""
    steps = [step for step in journal.of(Step) if step.parameters]
    decayed = [step for step in steps if step.settings and any(one.weight_decay for one in step.settings)]
    if not steps:
        return None
    if len(decayed) < 4:
        return penalised(journal, steps)
    made = {one.optimizer: one for one in journal.of(OptimizerMade)}
    decay = max(one.weight_decay for one in decayed[0].settings)
    where = made[decayed[0].optimizer].where if decayed[0].optimizer in made else None
    if decayed[0].kind == "AdamW":
        wrong = decay >= 1
        evidence = (
            f"weight_decay={decay:g} in AdamW, where 0.01 is usual: weights are held near {1 / decay:.2g} "
            "of a step's size"
        )
        return [finding("over-regularised", "warn", where, evidence, 0.8)] if wrong else []
    stronger = [
        step
        for step in decayed[:6]
        if (pulls := [decay * p.weight / p.gradient for p in step.parameters if p.gradient and p.size >= 16])
        and median(pulls) > 1
    ]
    if len(stronger) < 0.5 * len(decayed[:6]) or decay < 1e-2:
        return []
    evidence = (
        f"weight_decay={decay:g}: its pull is larger than the loss's gradient at {len(stronger)} of "
        f"{len(decayed[:6])} early steps"
    )
    return [finding("over-regularised", "warn", where, evidence, 0.9)]


def penalised(journal: Journal, steps: list[Step]) -> Verdict:
    """A penalty on the weights, added to the loss, whose gradient is the larger part of what the step gets.

    The gradient of a sum of squares lies along the weights, and a loss alone hardly has a part in that direction.
    """
    back = {b.step: b for b in journal.of(Backward) if b.penalised}
    seen = [(back[step.step], _parts(step, back[step.step].penalised)) for step in steps[:6] if step.step in back]
    stronger = [(b, along, across) for b, (along, across) in seen if along > across]
    if len(seen) < 4 or len(stronger) < 0.5 * len(seen):
        return []
    b, along, across = stronger[0]
    evidence = (
        f"the loss has a penalty on {len(b.penalised)} weight matrices: at {len(stronger)} of {len(seen)} early steps "
        f"the gradient is larger along the weights ({along:.3g}) than in all other directions ({across:.3g})"
    )
    return [finding("over-regularised", "warn", b.added or b.where, evidence, 0.9)]


def _parts(step: Step, parameters: frozenset[int]) -> tuple[float, float]:
    """The norm of the gradient of these parameters along themselves, and in all other directions."""
    own = [p for p in step.parameters if p.serial in parameters and p.gradient is not None]
    size = sum(p.weight**2 for p in own) ** 0.5
    along = sum(p.along for p in own) / size if size else 0.0
    return along, max(sum(p.gradient**2 for p in own if p.gradient) - along**2, 0.0) ** 0.5


@decides("fp16-underflow")
def fp16_underflow(journal: Journal) -> Verdict:
    """16-bit floats behind a loss that goes into backward unscaled."""
    back = journal.of(Backward)
    if not back:
        return None
    bare = [b for b in back if b.half and not b.scaled and (b.factor is None or abs(b.factor) < BY_HAND)]
    if not bare:
        return []
    evidence = "gradients go through float16, and the loss goes into backward() without a scale (no GradScaler)"
    steps = [step for step in journal.of(Step) if step.parameters and step.backwards]
    lost = [step for step in steps if all(p.gradient == 0 for p in step.parameters)]
    if lost and len(lost) == len(steps) and all(b.value for b in bare):
        evidence += f": at each of {len(lost)} steps looked at all gradients are exactly 0"
        return [finding("fp16-underflow", "fail", bare[0].where, evidence)]
    return [finding("fp16-underflow", "warn", bare[0].where, evidence, 0.9)]


@decides("extreme-optimizer-settings")
def extreme_optimizer_settings(journal: Journal) -> Verdict:
    """eps, betas and momentum far from any known to work."""
    steps, made = journal.of(Step), {one.optimizer: one for one in journal.of(OptimizerMade)}
    if not steps:
        return None
    said: dict[int, list[str]] = {}
    endless: set[int] = set()  # optimizers that forget no step: nothing has to be tried
    for step in steps:
        for one in step.settings:
            wrong = said.setdefault(step.optimizer, [])
            if one.eps is not None and not 1e-10 <= one.eps <= 1e-2:
                wrong.append(f"eps={one.eps:g}")
            if one.betas and (one.betas[0] > one.betas[1] or one.betas[0] >= 0.999):
                wrong.append(f"betas={one.betas}")
            if one.momentum >= 1:
                wrong.append(f"momentum={one.momentum:g}")
                endless.add(step.optimizer)
    return [
        finding(
            "extreme-optimizer-settings",
            "fail" if optimizer in endless else "warn",
            made[optimizer].where if optimizer in made else None,
            f"the optimizer has {', '.join(dict.fromkeys(wrong))}",
            0.9,
        )
        for optimizer, wrong in said.items()
        if wrong
    ]
