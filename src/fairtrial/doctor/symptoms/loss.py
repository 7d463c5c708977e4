"""Faults in what the loss is given and how it is used."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise
from math import e, isfinite, log
from statistics import median

from fairtrial.doctor.findings import finding
from fairtrial.doctor.journal import Journal, Verdict, decides
from fairtrial.doctor.observations import (
    Backward,
    ByHand,
    Clipped,
    Divergence,
    LossCall,
    Model,
    OptimizerMade,
    Pass,
    Rescaled,
    Source,
    Step,
    Weighed,
)

ROUNDING = 1e-3  # of sums of probabilities in 32-bit floats, with room for 16-bit ones
CROSS_ENTROPIES = ("cross_entropy",)
BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits", "multilabel_soft_margin_loss")
DISTANCES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
COMBINING = ("Mean", "Sum", "Neg", "Add")  # what makes scores without being a layer to remove
SQUASHING = (
    *("Relu", "Tanh", "LeakyRelu", "Hardtanh", "Elu", "Celu", "Softplus", "Gelu", "Silu", "Mish", "Hardswish"),
    *("Softsign", "PreluKernel", "RreluWithNoise", "Softshrink", "Hardshrink", "Threshold"),
)
CUT_OFF = 0.2  # of the scores are exactly 0, and none is below: what any spelling of a ReLU leaves
CUTTING = r"\.data\b|\.detach\(|\.item\(|\.numpy\(|\.tolist\(|no_grad\(|torch\.tensor\("
# Optimizers whose steps hardly change if all gradients are multiplied by a number.
SCALE_FREE = frozenset(
    (
        "Adam",
        "AdamW",
        "Adamax",
        "NAdam",
        "RAdam",
        "RMSprop",
        "Adagrad",
        "Adadelta",
        "Rprop",
        "Adafactor",
        "LBFGS",
        "Muon",
    )
)
SINGLE = 4  # losses of one example each that make up a batch
SOME = 16  # numbers of a parameter that is no bias of a small layer
EARLY = 6  # steps in which a loss that is too large throws the weights about
LARGE = 0.1  # of their size: of a rate that is too high
MOST_CLASSES = 100  # whole numbers above are rather amounts
ENOUGH = 2  # batches that a rule on numbers wants to see


def calls(journal: Journal, *names: str) -> list[LossCall]:
    """The calls of these losses that training learns from."""
    return [call for call in journal.of(LossCall) if call.learning and call.name in names]


def where_made(journal: Journal, call: LossCall) -> str | None:
    """The line to change: the one that made the scores if it is known, else the loss's.

    A table of makers, `{"softmax": lambda: nn.Softmax(dim=1)}`, is right, and so is a line that builds layers of any
    kind: who asks for it is not.
    """
    made = call.origin.where if call.origin and call.origin.name not in COMBINING else None
    if made is None or "lambda" in text_of(journal, made):
        return call.where
    beside = {layer.kind for model in journal.of(Model) for layer in model.layers if layer.where == made}
    named = re.search(call.origin.name if call.origin else "", text_of(journal, made), re.IGNORECASE)
    return call.where if len(beside) > 1 and not named else made


def text_of(journal: Journal, line: str) -> str:
    """A line of the user's, as far as its file is known."""
    path, _, number = line.rpartition(":")
    texts = next((seen.lines for seen in journal.of(Source) if seen.path == path), ())
    return texts[int(number) - 1] if 0 < int(number) <= len(texts) else ""


def normalised_by_hand(journal: Journal, fault: str, *operations: str) -> Verdict:
    """A failing finding where each log-softmax that is written by hand is of what one of these operations made."""
    seen = [
        one
        for one in journal.of(ByHand)
        if one.normaliser and (one.normaliser.name in ("LogSoftmax", "Logsumexp") or "Log" in one.operations)
    ]
    if not seen:
        return None
    if not all(one.normalised and one.normalised.name in operations for one in seen):
        return []
    made, by = seen[0].normalised, seen[0].normaliser
    if made is None or by is None:
        return []
    evidence = (
        f"the loss takes {by.name.lower()} of what {made.name.lower()} made; its first value is {seen[0].value:.4g}"
    )
    return [finding(fault, "fail", made.where or by.where or seen[0].where, evidence)]


def each(
    journal: Journal,
    seen: list[LossCall],
    fault: str,
    wrong: Callable[[LossCall], bool],
    say: Callable[[LossCall], str],
) -> Verdict:
    """One failing finding for a loss that is wrong in each of its calls."""
    if not seen:
        return None
    return [finding(fault, "fail", where_made(journal, seen[0]), say(seen[0]))] if all(map(wrong, seen)) else []


def made_by(call: LossCall, *operations: str) -> bool:
    """Whether one of these operations made the scores."""
    return call.origin is not None and call.origin.name in operations


def within_unit(call: LossCall) -> bool:
    """Whether all scores could be probabilities."""
    return call.scores.minimum >= 0 and call.scores.maximum <= 1


def sums_to_one(call: LossCall) -> bool:
    """Whether each row of scores is a distribution."""
    s = call.scores
    return call.classes > 1 and s.minimum >= 0 and s.row_sum_error < ROUNDING


@decides("softmax-before-cross-entropy")
def softmax_before_cross_entropy(journal: Journal) -> Verdict:
    """Rows of probabilities where logits are expected."""
    seen = calls(journal, *CROSS_ENTROPIES)
    if not any(made_by(call, "Softmax") for call in seen) and (
        len(seen) < ENOUGH or not any(call.scores.distinct for call in seen)
    ):
        return [] if seen else normalised_by_hand(journal, "softmax-before-cross-entropy", "Softmax")

    def say(call: LossCall) -> str:
        floor = log(1 + (call.classes - 1) / e)
        return (
            f"the {call.classes} numbers that cross_entropy gets for each example are all in "
            f"[{call.scores.minimum:.3g}, {call.scores.maximum:.3g}] and sum to 1 "
            f"(error {call.scores.row_sum_error:.1g}); the loss cannot get below {floor:.4f}"
        )

    return each(journal, seen, "softmax-before-cross-entropy", sums_to_one, say)


@decides("log-softmax-before-cross-entropy")
def log_softmax_before_cross_entropy(journal: Journal) -> Verdict:
    """Rows of log-probabilities where logits are expected: harmless."""
    seen = calls(journal, *CROSS_ENTROPIES)
    if not seen:
        return None
    if len(seen) < ENOUGH and not all(made_by(call, "LogSoftmax") for call in seen):
        return []
    if not all(call.classes > 1 and call.scores.distinct and call.scores.row_log_error < ROUNDING for call in seen):
        return []
    evidence = f"logsumexp of each row is 0 (error {seen[0].scores.row_log_error:.1g}): these are log-probabilities"
    return [finding("log-softmax-before-cross-entropy", "info", where_made(journal, seen[0]), evidence)]


@decides("sigmoid-before-cross-entropy")
def sigmoid_before_cross_entropy(journal: Journal) -> Verdict:
    """Numbers out of a sigmoid where logits are expected."""

    def say(call: LossCall) -> str:
        floor = log(1 + (call.classes - 1) / e)
        return (
            f"cross_entropy gets what sigmoid made: all in [{call.scores.minimum:.3g}, {call.scores.maximum:.3g}]; "
            f"the loss cannot get below {floor:.4f}"
        )

    seen, fault = calls(journal, *CROSS_ENTROPIES), "sigmoid-before-cross-entropy"
    if not seen:
        return normalised_by_hand(journal, fault, "Sigmoid")
    return each(journal, seen, fault, lambda call: made_by(call, "Sigmoid", "Hardsigmoid") and within_unit(call), say)


@decides("activation-on-logits")
def activation_on_logits(journal: Journal) -> Verdict:
    """Logits that went through an activation."""

    def say(call: LossCall) -> str:
        name = call.origin.name.lower() if made_by(call, *SQUASHING) and call.origin else "a cut at 0"
        return (
            f"{call.name} gets what {name} made: numbers in [{call.scores.minimum:.3g}, {call.scores.maximum:.3g}], "
            f"{call.scores.zeros:.0%} of them exactly 0"
        )

    seen = calls(journal, *CROSS_ENTROPIES, "binary_cross_entropy_with_logits")
    if not seen:
        return normalised_by_hand(journal, "activation-on-logits", *SQUASHING)
    return each(
        journal,
        seen,
        "activation-on-logits",
        lambda call: (
            made_by(call, *SQUASHING)
            or (call.classes > 1 and 0 == call.scores.minimum < call.scores.maximum and call.scores.zeros > CUT_OFF)
        ),
        say,
    )


@decides("nll-on-non-log-probabilities")
def nll_on_non_log_probabilities(journal: Journal) -> Verdict:
    """nll_loss, or kl_div, on what are no log-probabilities."""
    known, other = _of_class_numbers(journal), divergence(journal)
    return other if known is None else known + (other or [])


def _of_class_numbers(journal: Journal) -> Verdict:
    """nll_loss on rows that are no log-probabilities."""

    def say(call: LossCall) -> str:
        kind = "probabilities" if sums_to_one(call) else "raw outputs"
        return (
            f"nll_loss gets {kind}: logsumexp of the rows is up to {call.scores.row_log_error:.3g} off 0, where "
            f"log-probabilities have 0; the first loss is {call.value:.4g}"
        )

    seen = calls(journal, "nll_loss")
    if not seen:
        return picked_by_hand(journal)
    return each(
        journal,
        [replace(call, origin=None) if call.hand else call for call in seen],  # what is left out is in the loss
        "nll-on-non-log-probabilities",
        lambda call: call.scores.finite and call.scores.row_log_error > ROUNDING,
        say,
    )


def divergence(journal: Journal) -> Verdict:
    """kl_div of what are no log-probabilities along any axis, or with a target of the other kind."""
    seen = [one for one in journal.of(Divergence) if isfinite(one.given.maximum)]
    if not seen:
        return None
    for one in seen:
        if one.given.maximum > ROUNDING and one.given.log_error > ROUNDING:
            probable = one.given.minimum >= 0 and one.given.sum_error < ROUNDING
            kind = "probabilities" if probable else f"numbers up to {one.given.maximum:.3g}"
            made = one.origin.where if one.origin and one.origin.name == "Softmax" else None
            where, what = made or one.where, f"kl_div gets {kind} as its input, where it takes log-probabilities"
        elif one.log_target and one.target.maximum > ROUNDING and one.target.log_error > ROUNDING:
            where, what = one.where, "kl_div with log_target=True gets a target that is no logarithm of probabilities"
        elif not one.log_target and one.target.minimum < -ROUNDING:
            where = one.where
            what = f"kl_div gets a target down to {one.target.minimum:.3g}, where it takes probabilities"
        else:
            continue
        evidence = f"{what}; its first value is {seen[0].value:.4g}"
        return [finding("nll-on-non-log-probabilities", "fail", where, evidence)]
    return []


def picked_by_hand(journal: Journal) -> Verdict:
    """Minus the probability of the right class, without a logarithm."""
    seen = journal.of(ByHand)
    if not seen:
        return None
    logs = {"Log", "Log2", "Log10", "LogSoftmax", "Logsumexp"}
    if not all(
        "Softmax" in one.operations
        and one.operations & {"Gather", "Index"}
        and not one.operations & logs
        and one.value < 0
        for one in seen
    ):
        return []
    evidence = f"the loss by hand is minus a probability, without a logarithm; its first value is {seen[0].value:.4g}"
    return [finding("nll-on-non-log-probabilities", "warn", seen[0].ends or seen[0].where, evidence, 0.9)]


@decides("sigmoid-before-bce-with-logits")
def sigmoid_before_bce_with_logits(journal: Journal) -> Verdict:
    """Probabilities where binary_cross_entropy_with_logits expects logits."""
    return each(
        journal,
        calls(journal, "binary_cross_entropy_with_logits"),
        "sigmoid-before-bce-with-logits",
        lambda call: made_by(call, "Sigmoid", "Softmax") and within_unit(call),
        lambda call: (
            f"the loss applies sigmoid to what sigmoid made already: all in "
            f"[{call.scores.minimum:.3g}, {call.scores.maximum:.3g}]"
        ),
    )


@decides("single-output-for-many-classes")
def single_output_for_many_classes(journal: Journal) -> Verdict:
    """A binary loss on class numbers above 1."""
    seen = calls(journal, *BINARY)
    if not seen:
        return None
    wrong = [call for call in seen if call.classes == 1 and call.targets.whole and call.targets.maximum > 1]
    if not wrong:
        return []
    evidence = f"one output, but labels up to {max(call.targets.maximum for call in wrong):.0f}"
    return [finding("single-output-for-many-classes", "fail", wrong[0].where, evidence)]


@decides("softmax-over-one-unit")
def softmax_over_one_unit(journal: Journal) -> Verdict:
    """Softmax of a single output, by itself or inside cross_entropy."""
    seen = calls(journal, *CROSS_ENTROPIES, *BINARY, *DISTANCES, "nll_loss")

    def wrong(call: LossCall) -> bool:
        inside = call.name in CROSS_ENTROPIES and call.targets.columns == 1
        return call.classes == 1 and (made_by(call, "Softmax", "LogSoftmax") or inside)

    return each(
        journal,
        seen,
        "softmax-over-one-unit",
        wrong,
        lambda call: (
            f"softmax over 1 output: all {call.rows} predictions of the first batch are {call.scores.maximum:g}"
        ),
    )


@decides("bce-for-single-label")
def bce_for_single_label(journal: Journal) -> Verdict:
    """A binary loss on one-hot targets."""
    seen = [call for call in calls(journal, *BINARY) if call.targets.columns > 2]
    if not seen:
        return None
    rows = sum(call.rows for call in seen)
    if rows < 32 or not all(call.targets.one_hot for call in seen):
        return []
    evidence = f"all {rows} targets seen have exactly one 1 among {seen[0].targets.columns} columns"
    return [finding("bce-for-single-label", "warn", seen[0].where, evidence)]


@decides("mse-for-classification")
def mse_for_classification(journal: Journal) -> Verdict:
    """Squared error on one-hot targets or class numbers."""
    seen = calls(journal, *DISTANCES)
    if not seen:
        return None
    if all(call.targets.one_hot for call in seen):
        evidence = f"a distance ({seen[0].name}) to one-hot targets of {seen[0].targets.columns} classes"
        return [finding("mse-for-classification", "info", seen[0].where, evidence, 0.9)]
    largest = max(call.targets.maximum for call in seen)
    if 1 < largest < MOST_CLASSES and all(call.targets.whole and call.targets.columns == 1 for call in seen):
        evidence = f"a distance ({seen[0].name}) to whole numbers up to {largest:.0f}"
        return [finding("mse-for-classification", "info", seen[0].where, evidence, 0.5)]
    return []


@decides("wrong-class-axis")
def wrong_class_axis(journal: Journal) -> Verdict:
    """Probabilities that sum to 1 over the batch."""
    seen = [call for call in calls(journal, *CROSS_ENTROPIES, "nll_loss", *BINARY, *DISTANCES) if call.rows > 1]

    hand = [one for one in journal.of(ByHand) if one.rows > 1]
    if hand and not seen:
        return axis_by_hand(hand)

    def wrong(call: LossCall) -> bool:
        s = call.scores
        chances = s.minimum >= 0 and s.column_sum_error < ROUNDING < s.row_sum_error
        logs = s.maximum <= ROUNDING and s.column_log_error < ROUNDING < s.row_log_error
        return call.classes > 1 and (chances or logs)

    return each(
        journal,
        seen,
        "wrong-class-axis",
        wrong,
        lambda call: (
            f"of {call.rows} x {call.classes} probabilities the columns sum to 1 and the rows do not: softmax was "
            f"taken over the {call.rows} examples"
        ),
    )


def axis_by_hand(seen: list[ByHand]) -> Verdict:
    """A loss that does not change when one class's score is raised for all examples: derivatives that sum to 0."""
    if not all(
        one.classes > 1
        and one.normaliser
        and one.column_error < ROUNDING < one.row_error
        and not any("BatchNorm" in name for name in one.operations)
        for one in seen
    ):
        return []
    made = seen[0].normaliser
    evidence = (
        f"the derivatives of the loss by {seen[0].rows} x {seen[0].classes} scores sum to 0 over the examples of each "
        f"class, and not over the classes of an example: {made.name.lower() if made else ''} is taken over the examples"
    )
    return [finding("wrong-class-axis", "fail", made.where if made else seen[0].where, evidence)]


@decides("sum-reduction")
def sum_reduction(journal: Journal) -> Verdict:
    """A summed loss that goes into backward as it is."""
    seen = [call for call in journal.of(LossCall) if call.learning]
    hand = journal.of(ByHand)
    if not seen and not hand:
        return None
    back = {b.step: b for b in journal.of(Backward)}
    summed = [
        (call.built if call.reduction == "sum" else b.ends, call.rows, b.value)
        for call in seen
        if call.rows > 1
        and (b := back.get(call.step)) is not None
        and (
            (call.hand and call.reduction == "sum")
            or (
                b.factor is not None
                and abs(b.factor - {"sum": 1, "none": call.rows}.get(call.reduction, 0)) < 1e-5 * call.rows
            )
        )
    ] or [(one.ends, one.rows, one.value) for one in hand if one.rows > 1 and one.likelihoods == one.rows]
    summed = summed or one_by_one(seen, back)
    if not summed:
        return []
    where, rows, value = summed[0]
    rescaled = [one for one in journal.of(Rescaled) if one.left[0]]
    if rescaled and not journal.of(Clipped) and all(one.used[0] * rows <= 1.01 * one.left[0] for one in rescaled):
        return []  # it is divided by their number later
    evidence = f"the loss is a sum: for the {rows} examples of the first batch {value:.4g}, {value / rows:.4g} for each"
    if scale_free(journal):
        return [finding("sum-reduction", "info", where, f"{evidence}; this optimizer's steps are the same", 0.5)]
    moves = [
        median(moved)
        for step in journal.of(Step)
        if (moved := [p.update / p.weight for p in step.parameters if p.size >= SOME and p.weight])
    ][:EARLY]
    if moves and median(moves) < LARGE:
        evidence += f"; the learning rate fits it, as a step moves the weights by {median(moves):.2g} of their size"
        return [finding("sum-reduction", "info", where, evidence, 0.5)]
    return [finding("sum-reduction", "fail", where, evidence)]


def one_by_one(seen: list[LossCall], back: dict[int, Backward]) -> list[tuple[str | None, int, float]]:
    """Losses of single examples that are added up: each goes into backward as it is."""
    found: list[tuple[str | None, int, float]] = []
    for step in dict.fromkeys(call.step for call in seen):
        own, b = [call for call in seen if call.step == step], back.get(step)
        single = len(own) >= SINGLE and all(call.rows == 1 for call in own)
        if (
            single
            and b is not None
            and b.factor is not None
            and abs(b.factor - 1) < ROUNDING
            and b.value > own[0].value
        ):
            found.append((b.ends or b.where, len(own), b.value))
    return found


def scale_free(journal: Journal) -> bool:
    """Whether steps are the same for gradients of any scale."""
    steps = journal.of(Step)
    return bool(steps) and steps[0].kind in SCALE_FREE


@decides("inverted-class-weights")
def inverted_class_weights(journal: Journal) -> Verdict:
    """Class weights that grow with the classes' counts."""
    seen = [call for call in calls(journal, "cross_entropy", "nll_loss") if call.weights and call.targets.counts]
    weighed = [one for one in journal.of(Weighed) if one.spread < ROUNDING]
    if seen:
        where, weights = seen[0].built, seen[0].weights
        rows = [call.targets.counts[: len(weights)] for call in seen]
    elif weighed:
        where, weights, rows = weighed[0].where, together(weighed), [one.counts for one in weighed]
    else:
        return None
    counts = [sum(column) for column in zip(*rows, strict=False)]
    even = max(weights) - min(weights) <= ROUNDING * max(weights)
    if even or len(counts) != len(weights) or max(counts) < 2 * max(min(counts), 1):
        return []
    agreement = correlation(ranks(weights), ranks(counts))
    if sum(counts) < 20 * len(counts) or agreement < 0.5:
        return []
    most, least = counts.index(max(counts)), counts.index(min(counts))
    evidence = (
        f"class {most} with {counts[most]} of {sum(counts)} labels seen weighs {weights[most]:.3g}, class {least} with "
        f"{counts[least]} weighs {weights[least]:.3g} (rank correlation {agreement:+.2f})"
    )
    return [finding("inverted-class-weights", "warn", where, evidence, 0.95)]


def together(weighed: list[Weighed]) -> tuple[float, ...]:
    """The weight of each class in the first batch that has it; 0 where none has."""
    columns = zip(*(one.means for one in weighed), strict=False)
    return tuple(next((weight for weight in column if isfinite(weight)), 0.0) for column in columns)


def ranks(values: Iterable[float]) -> list[float]:
    """The place of each value among all, ties at their middle."""
    listed = list(values)
    return [sum(other < one for other in listed) + (listed.count(one) - 1) / 2 for one in listed]


def correlation(a: list[float], b: list[float]) -> float:
    """Pearson's correlation; 0 where one does not vary."""
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    shared = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    spread = (sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)) ** 0.5
    return shared / spread if spread else 0.0


@decides("ascending-loss")
def ascending_loss(journal: Journal) -> Verdict:
    """Minus the loss goes into backward, or the step follows the gradient."""
    back, steps = journal.of(Backward), [step for step in journal.of(Step) if step.parameters]
    if not back:
        return None
    hand = journal.of(ByHand)
    told = [one.likelihoods for one in hand if one.likelihoods]
    up = [step for step in steps if _climbs(step)]
    likely = bool(told) and max(told) < 0
    turned = [b for b in back if b.factor is not None and b.factor < 0]
    minus = bool(turned) and len(turned) == len([b for b in back if b.factor is not None])
    if (likely or minus) and up and all(step in up for step in steps if step.settings):
        return []  # a likelihood, or minus a loss, that is climbed
    if likely:
        evidence = (
            f"the loss is the log-likelihood itself ({hand[0].value:.4g}), not minus it: its derivatives by the scores "
            f"raise all classes but the right one"
        )
        return [finding("ascending-loss", "fail", hand[0].ends or hand[0].where, evidence)]
    if minus:
        evidence = f"backward() got {turned[0].value:.4g}, {turned[0].factor:.4g} times the loss"
        by_hand = any(call.hand for call in journal.of(LossCall))
        where = (turned[0].ends if by_hand else None) or turned[0].where
        return [finding("ascending-loss", "fail", where, evidence)]
    again = [one for one in journal.of(Rescaled) if one.turned]
    if len(again) >= ENOUGH and len(again) >= len([step for step in steps if step.settings]):
        line = line_like(journal, r"\.neg_?\(|\.grad\b.*=.*-|mul_\(-", (back[0].where or "").rpartition(":")[0], 1)
        evidence = (
            f"at each of {len(again)} steps looked at the gradients point the other way than backward() left them"
        )
        return [finding("ascending-loss", "fail", line or steps[0].where, evidence)]
    if up and any(one.maximize for one in up[0].settings):
        made = [one for one in journal.of(OptimizerMade) if one.optimizer == up[0].optimizer]
        where = made[0].where if made else up[0].where
        return [finding("ascending-loss", "fail", where, "the optimizer was built with maximize=True")]
    by_hand = [step for step in steps if not step.settings and all(p.finite for p in step.parameters)]
    if by_hand and all(map(_climbs, by_hand)):
        gain = sum(p.downhill for p in by_hand[0].parameters)
        evidence = f"at each of {len(by_hand)} steps by hand the weights moved along the gradient (product {gain:+.3g})"
        return [finding("ascending-loss", "fail", by_hand[0].backward_where, evidence)]
    return []


def _climbs(step: Step) -> bool:
    return sum(p.downhill for p in step.parameters) > 0


@decides("graph-cut")
def graph_cut(journal: Journal) -> Verdict:
    """A loss without a graph behind it."""
    back = journal.of(Backward)
    if not back:
        return None
    cut = [b for b in back if not b.has_graph]
    if cut:
        evidence = "backward() starts at a tensor that was computed from no parameter: a new tensor made of a number"
        losses = [call.where for call in journal.of(LossCall) if call.learning and call.step == cut[0].step]
        return [finding("graph-cut", "fail", cut_between(journal, next(iter(losses), None), cut[0].where), evidence)]
    if fresh := made_of_numbers(journal):
        return fresh
    got = frozenset[int]().union(*(b.reached for b in back if b.reached is not None))
    held = frozenset[int]().union(*(one.parameters for one in journal.of(OptimizerMade)))
    still = {serial for model in journal.of(Model) for serial, _, trains in model.names if not trains}
    lost = [
        (line, own)
        for one in journal.of(Pass)
        if one.backward
        for line, own in one.called
        if own <= held and not own & got and not own & still
    ]
    if not lost or not got:
        return []
    ways = next(one.called for one in journal.of(Pass) if one.backward and lost[-1] in one.called)
    path, _, line = (lost[-1][0] or ":0").rpartition(":")
    cut_at = line_like(journal, CUTTING, path, int(line))
    within = cut_at is not None and number(cut_at) <= number(ways[-1][0] or "")
    if ways[0][1] & got and not within:  # what comes before has gradients, and nothing cuts: it is not used
        return []
    count = len({serial for _, own in lost for serial in own})
    evidence = (
        f"{count} parameters of the optimizer were used on the way to the loss, and no gradient gets back to them: the "
        f"way is cut after this line"
    )
    return [finding("graph-cut", "fail", next_cut(journal, lost[-1][0]), evidence)]


def made_of_numbers(journal: Journal) -> Verdict:
    """Backward passes that each reach tensors which nobody else knows: they were made for this one."""
    reached = [b.reached for b in journal.of(Backward) if b.reached]
    known = {serial for model in journal.of(Model) for serial, _, _ in model.names}
    known |= {serial for one in journal.of(OptimizerMade) for serial in one.parameters}
    passes = [one for one in journal.of(Pass) if one.grad]
    again = any(one & other for one, other in pairwise(reached))
    if len(reached) < ENOUGH or again or not passes or any(one & known for one in reached):
        return []
    evidence = "backward() starts at what was computed from no parameter: a new tensor, made of numbers for each step"
    where = cut_between(journal, passes[0].where, journal.of(Backward)[0].where)
    return [finding("graph-cut", "fail", where, evidence)]


def cut_between(journal: Journal, first: str | None, last: str | None) -> str | None:
    """The first line with a word which cuts, from one line to another of the same file; the last one where none has."""
    line, end = next_cut(journal, first) or "", last or ""
    inside = line.rpartition(":")[0] == end.rpartition(":")[0] and number(line) <= number(end)
    return line if inside else last


def number(line: str) -> int:
    """Of a line that is named as path:line; 0 where there is none."""
    return int(line.rpartition(":")[2] or 0)


def next_cut(journal: Journal, line: str | None) -> str | None:
    """The first line from this one on that has a word which cuts; else the line itself."""
    path, _, number = (line or ":0").rpartition(":")
    return line_like(journal, CUTTING, path, int(number)) or line


def line_like(journal: Journal, pattern: str, path: str, first: int) -> str | None:
    """The first line of a file from this one on that has the pattern."""
    texts = next((seen.lines for seen in journal.of(Source) if seen.path == path), ())
    found = (n for n, text in enumerate(texts, 1) if n >= first and re.search(pattern, text))
    return next((f"{path}:{n}" for n in found), None)


@decides("unstable-log")
def unstable_log(journal: Journal) -> Verdict:
    """log of a softmax or a sigmoid, written by hand."""
    back = journal.of(Backward)
    if not back:
        return None
    seen = [b for b in back if b.log_of]
    if not seen:
        return []
    broken = next((b for b in back if not b.finite), None)
    made = next(b.log_of for b in seen if b.log_of)
    where, evidence = made.where or seen[0].where, f"the loss takes log of what {made.name.lower()} made"
    if broken:
        return [finding("unstable-log", "fail", where, f"{evidence}; at step {broken.step} it is {broken.value}")]
    return [finding("unstable-log", "warn", where, evidence, 0.8)]
