"""Faults in the data: what the model is fed, in which order, with which labels, and what the parts share."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from math import log
from statistics import median

import numpy as np

from fairtrial.doctor.findings import Finding, finding
from fairtrial.doctor.journal import Journal, Verdict, decides
from fairtrial.doctor.observations import (
    Alike,
    Batch,
    Blended,
    Drawn,
    End,
    Evaluation,
    Input,
    Lineage,
    Loader,
    Look,
    LossCall,
    Model,
    Neighbours,
    Order,
    Pass,
    Pool,
    Printed,
    Renamed,
    Shared,
    Transformed,
)
from fairtrial.doctor.symptoms.loss import line_like, text_of
from fairtrial.doctor.symptoms.places import Lines, first, leading
from fairtrial.doctor.symptoms.protocol import accuracies
from fairtrial.doctor.symptoms.step import held_out_late

ENOUGH_ROWS = 32
A_BATCH = 256  # examples at most: what a stream gives at once may be meant as the whole data if there are more
HARDER = 0.1  # share of labels by which the neighbours of unclear examples may be wrong more often than of clear ones
# Binomial standard deviations: neighbours are shared, so what labels that were drawn anew come to spreads 1.3 times as
# far (on digits). What data tell of their own labels is beyond 15 with 1,200 examples, even of small colour pictures.
TOLD = 5
FLAT = 0.1  # between the smallest and the largest number
UNSCALED = frozenset(("Embedding", "EmbeddingBag"))  # layers that are given numbers of things
TURNED = r"(?i)rot90|rotate\(|RandomRotation|RandomVerticalFlip|vflip|flipud"
# Rounded away, or cut out beside it.
BLANKED = (
    r"uint8|\.int\(|\.long\(|(astype\(|dtype=)[\w.'\"]*int|round|crop|clip|clamp|zeros|\[[^\[\]]*:[^\[\]]*,[^\[\]]*:"
)
MIRRORED = r"(?i)flip|mirror"

# What statements look like that turn what was read into what a model is fed, that order it, that cut it into parts.
CONVERTED = r"\.float\(|\.to\(torch\.float|float32|ToTensor|FloatTensor|\.Tensor\(|tensor\(|from_numpy"
SCALED = (
    r"/=? *\(?[\w.\[\]]*(255|256|std|sigma|sd|spread|scale|\d)|\* *\(?1|\.div_?\(|\.mul_?\(|ormalize|Scaler|transform\("
)
UNCHANGED = r"^\w+ = [A-Za-z_]\w*(\.(clone|copy|contiguous)\(\))?$"
WHOLE = r"uint8|\.byte\(|round\("
ORDERED = (
    r"^(?!.*make_\w+\().*(shuffle|mix|random|perm)\w*=False",  # of what is read, not of how it was made up
    r"DataLoader\(",
    r"range\(.*(len|size|shape)",
    r"range\(",
    r"split\(|\[.*:.*\]",
)
NUMBERED = (
    r"unique|class_to_idx|sorted|set\(|enumerate|factorize|fit_transform|categor|\{.*:"
    r"|(?i:encod|vocab|mapping|lookup|to_?id|2idx?\b)"
)
REORDERED = r"shuffle|perm\w*\(|\[\w*perm\w*\]|sort|roll\(|flip|::-1|listdir|glob"
SPLIT = r"train_test_split|random_split|Subset\(|KFold|\.split\("
RESAMPLED = r"(?i)^(?!return ).*(resampl|over_?sampl|smote)\w*\("  # before the parts were made
SHARED = r"random_split|^(?!.*lambda|return ).*Subset\("  # by both parts
MADE = r"^\w+ = .*(batch_size|shuffle|[Ll]oader|[Dd]ata)"
AUGMENTED = r"(?i)transform|augment|jitter|train=True"
COPIED = r"(?i)copies|augment|enlarg|inflat|duplicat|oversampl|smote|jitter|repeat\(|tile\(|cat\w*\(\W*(\w+)\W.*\b\1\b"
CUT = r"randperm|permutation|\[[^\]]*:[^\]]*\]|choice|(?<!n_)sample"


@decides("input-scale")
def input_scale(journal: Journal) -> Verdict:
    """Raw pixels, or inputs that were scaled away."""
    normed = {m.model for m in journal.of(Model) if _begins_with_norm(m)}
    passes = [one for one in journal.of(Pass) if one.backward and one.input and one.model not in normed]
    layers = [one.entered for one in passes if one.entered]
    fed = [(one.where, one.input) for one in layers] or [(one.where, one.input) for one in passes if one.input]
    if not fed or not all(given.finite for _, given in fed) or any(one.kind in UNSCALED for one in layers):
        return None
    where, given = fed[0]
    spread = f"(mean {given.mean:.3g}, standard deviation {given.deviation:.3g})"
    said = f"numbers from {given.minimum:.3g} to {given.maximum:.3g} {spread}"
    outer = leading(journal, "learned", passes[0].where)
    inner = leading(journal, "learned", where)
    before = layers[0].before if layers else ()
    if all(given.maximum > 100 and given.deviation > 10 for _, given in fed):
        line = first(_since_whole((*before, *inner, *outer)), UNCHANGED, CONVERTED, SCALED) or passes[0].where
        return [finding("input-scale", "warn", line, f"the model is fed {said}", 0.9)]
    if all(len(given.shape) > 1 and 0 < given.maximum - given.minimum < FLAT for _, given in fed):
        line = first((*before, *inner, *outer), SCALED) or where
        return [finding("input-scale", "warn", line, f"the first layer is fed {said}", 0.9)]
    return []


def _since_whole(lines: Lines) -> Lines:
    """The lines up to the one that makes whole numbers of what was drawn: what came before made no pixels yet."""
    made = next((n for n, (_, text) in enumerate(lines, 1) if re.search(WHOLE, text)), None)
    return lines[:made]


def _begins_with_norm(model: Model) -> bool:
    kinds = [layer.kind for layer in model.layers if layer.rows or "Norm" in layer.kind]
    return bool(kinds) and "Norm" in kinds[0]


@decides("repeated-batch")
def repeated_batch(journal: Journal) -> Verdict:
    """The same examples at step after step, where there are more."""
    seen = [one for one in journal.of(Pass) if one.backward and one.input and one.step]
    if len({one.step for one in seen}) < 3:
        return None
    if len({one.input.digest for one in seen if one.input}) > 1:
        return []
    loaders = [one for one in journal.of(Loader) if one.length > one.batch > 0]
    streams, read = [one for one in journal.of(Loader) if not one.length], Counter(b.loader for b in journal.of(Batch))
    given, pools = seen[0].input, journal.of(Pool)
    if given and given.minimum == given.maximum:  # nothing tells batches apart
        return []
    if loaders and journal.of(Batch) and given and given.shape[0] == loaders[0].batch:
        whole = f"a batch of {loaders[0].batch} of {loaders[0].length}"
    elif pools and given and pools[0].rows < 0.5 * pools[0].held:
        whole = f"{pools[0].rows} of {pools[0].held} that there are to learn from"
    elif given and any(one.batch == given.shape[0] <= A_BATCH and read[one.loader] == 1 for one in streams):
        whole = "the first batch of a stream that was never asked for another"
    else:
        return []
    evidence = f"the same {given.shape[0]} inputs at all {len(seen)} steps looked at: {whole}"
    judged = {line for one in journal.of(Pass) if not one.grad for line, _ in leading(journal, "evaluated", one.where)}
    lines = leading(journal, "learned", seen[0].where)
    own = [one for one in lines if one[0] not in judged]  # what is evaluated comes in order by the others
    line = first(own or lines, r"next\(", r"slice\(|\[.*:.*\]", "")
    return [finding("repeated-batch", "fail", line or seen[0].where, evidence)]


@decides("unshuffled-training")
def unshuffled_training(journal: Journal) -> Verdict:
    """Labels that come sorted."""
    learning = [one for one in journal.of(Pass) if one.backward]
    steps, learned = {one.step for one in learning}, _learning_loaders(journal)
    batches = [
        one
        for one in journal.of(Batch)
        if one.labels and one.round == 0 and one.step in steps and one.loader in learned
    ]
    used = {one.loader for one in batches}
    loaders = [one for one in journal.of(Loader) if one.loader in used]
    orders = [(one.where, [batch.labels for batch in batches if batch.loader == one.loader]) for one in loaders]
    if not loaders:
        if any(one.shuffled for one in journal.of(Loader) if one.loader in learned):
            return []
        orders = [(learning[0].where if learning else one.where, list(one.batches)) for one in journal.of(Order)]
    if not orders:
        return None
    for where, parts in orders:
        labels = [y for part in parts for y in part]
        excess = _neighbours(labels)
        if excess > 10 and _differ(parts):
            evidence = (
                f"of {len(labels)} training labels in their order neighbours are equal more often than by chance, by "
                f"{excess:.0f} standard deviations"
            )
            about = "loader" if loaders else "learned"
            line = first(leading(journal, about, where), *ORDERED[: 2 if loaders else None]) or where
            return [finding("unshuffled-training", "fail", line, evidence)]
    return []


def _neighbours(labels: list[int]) -> float:
    """How many standard deviations the equal neighbours exceed what a random order has."""
    n = len(labels)
    if n < 20:
        return 0.0
    counts = Counter(labels)
    chance = sum(count * (count - 1) for count in counts.values()) / (n * (n - 1))
    equal = sum(a == b for a, b in pairwise(labels))
    deviation = ((n - 1) * chance * (1 - chance)) ** 0.5
    return (equal - (n - 1) * chance) / deviation if deviation else 0.0


def _differ(batches: list[tuple[int, ...]]) -> bool:
    """Whether batches differ in their classes by far more than chance: the order within a batch changes nothing."""
    if max(map(len, batches)) == 1:
        return True
    classes = sorted({y for batch in batches for y in batch})
    table = np.array([[batch.count(y) for y in classes] for batch in batches])
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    free = (len(batches) - 1) * (len(classes) - 1)
    return float(((table - expected) ** 2 / expected).sum()) > free + 10 * (2 * free) ** 0.5


@decides("labels-misaligned")
def labels_misaligned(journal: Journal) -> Verdict:
    """Labels that neither a line through the data nor the nearest examples can tell, nor the model on another part.

    Or inputs that are mixed with other ones than their labels are.
    """
    seen, blended = journal.of(Neighbours), journal.of(Blended)
    torn = [one for one in blended if one.wrong > 0.1 * one.rows]
    if torn:
        evidence = (
            f"{torn[0].wrong} of {torn[0].rows} inputs are mixed with another one than the one whose label they get as "
            "their second"
        )
        labels = leading(journal, "labels", torn[0].where)
        where = first(labels, r"^(?!for ).*(perm|shuffle|roll\(|flip)", REORDERED) or torn[0].where
        return [finding("labels-misaligned", "fail", where, evidence)]
    if not seen:
        return [] if blended else None
    one = seen[0]
    sigma = (one.count * one.chance * (1 - one.chance)) ** 0.5
    nearest, linear = ((right - one.count * one.chance) / sigma for right in (one.nearest, one.linear))
    if max(abs(nearest), abs(linear)) > TOLD or _learned_anything(journal):
        return []
    evidence = (
        f"of {one.count} training labels a linear classifier tells {one.linear} from the inputs and the nearest "
        f"neighbour {one.nearest}; guessing tells {one.count * one.chance:.0f} +- {sigma:.0f}"
    )
    labels = leading(journal, "labels", one.where)
    learning = next((one.where for one in journal.of(Pass) if one.backward), None)
    inputs = leading(journal, "learned", learning)
    alone = (line for line in (*labels, *inputs) if (line in labels) != (line in inputs))
    line = first(alone, REORDERED) or first(labels, r"\w\[[^\]]*(perm|shuffle|choice|sample)\w*\(", REORDERED)
    return [finding("labels-misaligned", "warn", line or one.where, evidence, 0.9)]


def _learned_anything(journal: Journal) -> bool:
    """Whether an evaluated part is told better than by chance; where none was counted, whether the loss fell."""
    known = [one for one in journal.of(Evaluation) if one.count >= 50]
    if known:
        last = known[-1]
        labels = Counter[int]()
        for label, _, number in last.confusion:
            labels[label] += number
        most = max(labels.values()) / last.count
        above = last.right > last.count * most + 3 * (last.count * most * (1 - most)) ** 0.5
        return above and _by_its_names(last)
    losses, ends = [one for one in journal.of(LossCall) if one.learning], journal.of(End)
    return not losses or not ends or ends[-1].loss < 0.8 * losses[0].value


def _by_its_names(seen: Evaluation) -> bool:
    """Whether the classes' own names make more predictions right than random names would.

    A net that was taught any labels gives alike examples the same answer, and as many classes as chance will have it
    the right one: what is right by chance varies with the classes, and not with the examples.
    """
    names = sorted({name for label, said, _ in seen.confusion for name in (label, said)})
    table = np.zeros((len(names), len(names)))
    for label, said, number in seen.confusion:
        table[names.index(label), names.index(said)] += number
    centred = table - table.mean(0) - table.mean(1)[:, None] + table.mean()
    deviation = float(np.sqrt((centred**2).sum() / max(len(names) - 1, 1)))
    return float(np.trace(centred)) > min(3, (len(names) - 1) / 2) * deviation  # K - 1 where all are right


@decides("label-noise")
def label_noise(journal: Journal) -> Verdict:
    """Wrong labels that are as frequent deep inside the classes as elsewhere."""
    seen = journal.of(Neighbours)
    if not seen:
        return None
    one = seen[0]
    (wrong, count), (others, more) = one.against[0], one.against[-1]
    low, high = _interval(wrong, count)
    if low < 0.02 or wrong > 0.5 * count or others / more > wrong / count + min(0.5 * wrong / count + 0.03, HARDER):
        return []
    evidence = (
        f"where the labels of similar examples agree most, {wrong} of {count} training labels contradict them: about "
        f"{wrong / count:.0%} of the labels are wrong (95 %: {low:.0%} to {high:.0%})"
    )
    return [finding("label-noise", "warn", _labels_alone(journal, one.where), evidence, 0.8)]


def _labels_alone(journal: Journal, where: str | None) -> str | None:
    """The last statement that labels go through and inputs do not."""
    learning = next((one.where for one in journal.of(Pass) if one.backward), None)
    inputs = {line for line, _ in leading(journal, "learned", learning)}
    return next((line for line, _ in leading(journal, "labels", where) if line not in inputs), where)


def _interval(some: int, count: int) -> tuple[float, float]:
    """Wilson's interval of a share, 95 %."""
    z, share = 1.96, some / count
    middle, half = share + z * z / 2 / count, z * (share * (1 - share) / count + z * z / 4 / count**2) ** 0.5
    return (middle - half) / (1 + z * z / count), (middle + half) / (1 + z * z / count)


@decides("split-leakage")
def split_leakage(journal: Journal) -> Verdict:
    """Evaluated inputs that training saw, byte by byte; or indices in both parts."""
    scored = {one.source for one in (*journal.of(Evaluation), *journal.of(Renamed))}
    scored |= {one.where if one.grad else one.source for one in journal.of(Pass) if one.judged}
    seen = [one for one in journal.of(Shared) if one.trained and one.evaluated and not one.same_part]
    learned = _learning_loaders(journal)
    loaders = {one.loader: one for one in journal.of(Loader)}
    found: list[Finding] = []
    for train in learned:
        for other in loaders.values():
            a, b = loaders[train].indices, other.indices
            if other.loader in learned or other.base != loaders[train].base or other.dataset == loaders[train].dataset:
                continue
            if a is not None and b is not None and a != b and len(a & b):
                evidence = f"{len(a & b)} of {len(b)} evaluated items have the index of a training item"
                lines = leading(journal, "loader", other.where)
                where = _indices_made(lines) or first(lines, r"Subset\(", CUT) or other.where
                found.append(finding("split-leakage", "fail", where, evidence))
    for one in seen:
        share, usual = one.known / one.evaluated, one.repeats / one.trained
        whole = share > 0.99 * one.met or one.apart > 0.9 * (one.evaluated - one.known)  # all data, or all of training
        look = next((look for look in journal.of(Look) if look.source == one.source), None)
        if held_out_late(one) and look is not None:
            found.append(_one_model_for_folds(journal, one, look))
            continue
        natural = max(0.01, 5 * usual, 5 * one.chance)
        if one.known >= 5 and share > natural and not whole and (one.where or one.source) in scored:
            lines = leading(journal, "evaluated", look.where) if look else ()
            where = first(lines, RESAMPLED, SPLIT, CUT) or (
                look.callers[min(1, len(look.callers) - 1)][0] if look else one.where
            )
            evidence = (
                f"{one.known} of {one.evaluated} different evaluated inputs ({share:.0%}) are among the {one.distinct} "
                "different training inputs looked at, byte by byte"
            )
            found.append(finding("split-leakage", "fail", where, evidence))
    return (found or _copied(journal))[:1] if seen or loaders else None


def _one_model_for_folds(journal: Journal, shared: Shared, look: Look) -> Finding:
    """A part is held out from the last fit alone: the same model has learned it in a fit before."""
    evidence = (
        f"{shared.earlier} of {shared.evaluated} different evaluated inputs were held out since the optimizer was last "
        "made anew, and the same model had been trained on them before, as if one model served several folds"
    )
    where = next((one.where for one in journal.of(Model) if one.model == look.model), None)
    return replace(
        finding("split-leakage", "fail", where or look.where, evidence),
        fix="Make the model anew for each fold, together with its optimizer, so that it has never seen what it is "
        "scored on.",
    )


def _copied(journal: Journal) -> list[Finding]:
    """Changed copies in both parts: evaluated inputs are far too near to taught ones, and a line before both copies."""
    taught = {line for one in journal.of(Pass) if one.backward for line, _ in leading(journal, "learned", one.where)}
    for one in journal.of(Alike):
        lines = leading(journal, "evaluated", one.where)
        if one.alike > 0.25 * one.count and first((line for line in lines if line[0] in taught), COPIED):
            evidence = (
                f"{one.alike} of {one.count} evaluated inputs are {one.jump:.1f} times nearer to some training inputs "
                "than to any others, and the data were copied before they were split"
            )
            return [finding("split-leakage", "warn", first(lines, SPLIT, CUT) or one.where, evidence, 0.9)]
    return []


def _indices_made(lines: Lines) -> str | None:
    """The line that makes the indices which a subset is given by name."""
    subset = next((text for _, text in lines if "Subset(" in text), "")
    given = re.search(r"Subset\([^(),]+, *(?:indices=)?(?:\w+\.)?(\w+)\)", subset)
    return first(lines, rf"^(?!for )[^=]*\b{given[1]}\b[^=(]*=[^=]") if given else None


def _learning_loaders(journal: Journal) -> set[int]:
    """Loaders whose batches are followed by a backward pass."""
    return {one.loader for one in journal.of(Pass) if one.backward and one.loader is not None}


@decides("augmented-validation")
def augmented_validation(journal: Journal) -> Verdict:
    """The same labels in the same places, and other pictures; where they are read once, random numbers in reading."""
    learned = _learning_loaders(journal)
    loaders = {one.loader: one for one in journal.of(Loader)}
    taught = {loaders[one].dataset for one in learned if one in loaders}
    places: dict[tuple[int, int, tuple[int, ...]], list[Batch]] = {}
    turns: set[tuple[int, int]] = set()
    for one in journal.of(Batch):
        dataset = loaders[one.loader].dataset
        if dataset not in taught and len(one.labels) >= 8 and len(set(one.labels)) > 1:
            places.setdefault((dataset, one.place, one.labels), []).append(one)
            turns.add((one.loader, one.round))
    for (_, _, labels), batches in places.items():
        images = {one.images for one in batches}
        if len(images) > 1:
            evidence = (
                f"a batch of {len(labels)} evaluated examples had the same labels and {len(images)} different contents "
                "from one reading to the next"
            )
            where = _shared_by_parts(journal, loaders, loaders[batches[0].loader])
            return [finding("augmented-validation", "fail", where, evidence)]
    judged = {one.loader for one in journal.of(Pass) if one.judged and not one.grad}
    trained = [one for one in loaders.values() if one.loader in learned]
    for (_, _, labels), batches in places.items():
        own = loaders[batches[0].loader]
        if len(batches) > 1 or not batches[0].drawn or own.loader not in judged:
            continue
        if any(one.base == own.base and _others(own, one) for one in trained):
            evidence = (
                f"reading {len(labels)} evaluated examples in order, out of the dataset that is trained on, draws "
                f"random numbers: {', '.join(batches[0].drawn)}"
            )
            where = _shared_by_parts(journal, loaders, own)
            return [finding("augmented-validation", "warn", where, evidence, 0.9)]
    return [] if len(turns) > 1 else None


def _others(own: Loader, trained: Loader) -> bool:
    """Whether a loader reads items that the other one does not."""
    return own.indices is None or (trained.indices is not None and not own.indices <= trained.indices)


def _shared_by_parts(journal: Journal, loaders: dict[int, Loader], own: Loader) -> str | None:
    """The line that gives an evaluated part the dataset, or the transform, of the training part."""
    learned = _learning_loaders(journal)
    lines = leading(journal, "loader", own.where)
    shared = {line for one in learned if one in loaders for line, _ in leading(journal, "loader", loaders[one].where)}
    alone = [(line, text) for line, text in lines if line not in shared]
    return first(alone, AUGMENTED) or first(lines, SHARED, AUGMENTED) or first(alone, MADE) or own.where


@decides("split-preprocessing-mismatch")
def split_preprocessing_mismatch(journal: Journal) -> Verdict:
    """Evaluation inputs of another size or centre than training inputs, or made by a transformer fitted anew."""
    if fitted := _fitted_anew(journal):
        return fitted
    if degenerate_data.decide(journal):  # which explains it
        return []
    passes = [one for one in journal.of(Pass) if one.input and one.input.finite and one.input.shape[0] >= ENOUGH_ROWS]
    unlike = _fed_by_models(journal) | {one.model for one in passes if one.entered and one.entered.kind in UNSCALED}
    passes = [one for one in passes if one.model not in unlike]
    taught = {one.source for one in journal.of(Shared) if one.source and 2 * one.shared > one.evaluated}
    scored = [one for one in passes if not one.grad and one.judged and one.source not in taught]
    models = {one.model for one in scored} & {one.model for one in passes if one.backward}
    if not models:
        return None
    model = next(one.model for one in reversed(scored) if one.model in models)
    train = [one.input for one in passes if one.backward and one.model == model and one.input]
    judged = [one.input for one in scored if one.model == model and one.input]
    if len(train[0].shape) != len(judged[0].shape):
        return None
    centre, spread = _middle(train)
    other, width = _middle(judged)
    if not spread or not width:
        return []
    gap, ratio = abs(other - centre) / spread, width / spread
    if gap < 0.5 and 0.5 < ratio < 2:
        return []
    level = "fail" if gap > 3 or not 0.1 < ratio < 10 else "warn"
    evidence = (
        f"training inputs have mean {centre:.3g} and standard deviation {spread:.3g}, evaluation inputs {other:.3g} "
        f"and {width:.3g}"
    )
    where = next(one.where for one in scored if one.input is judged[0])
    fed = {line for one in passes if one.backward for line, _ in leading(journal, "learned", one.where)}
    own = [(line, text) for line, text in leading(journal, "evaluated", where) if line not in fed]
    line = first(own, SCALED, r"^(?!for |return |with ).*=") or first(own, "") or where
    return [finding("split-preprocessing-mismatch", level, line, evidence, 1.0 if level == "fail" else 0.9)]


def _fitted_anew(journal: Journal) -> list[Finding]:
    """Evaluated rows of a transformer in a state in which it made nothing that was taught, though it did in others."""
    seen = journal.of(Transformed)
    taught = {one for known in seen if known.learned for one in known.fitted}
    lines = {line for known in seen if known.learned for line in known.lines}
    for known in seen:
        new = [one for one in known.fitted if one not in taught and one.kind in {other.kind for other in taught}]
        if new and not known.learned:
            where = next((line for line in known.lines if line not in lines), known.lines[0])
            evidence = (
                f"{new[-1].kind} made the evaluated rows after another fit than those that were trained on: other "
                "numbers stand for the same thing"
            )
            return [finding("split-preprocessing-mismatch", "fail", where, evidence)]
    return []


def _fed_by_models(journal: Journal) -> set[int]:
    """Models whose inputs something that learns has made."""
    return {one.model for one in journal.of(Pass) if one.input and one.input.made}


def _middle(inputs: list[Input]) -> tuple[float, float]:
    return median(one.mean for one in inputs), median(one.deviation for one in inputs)


@decides("class-map-mismatch")
def class_map_mismatch(journal: Journal) -> Verdict:
    """Two maps from names to numbers, or predictions that a renaming of classes makes right."""
    maps = [one for one in journal.of(Loader) if one.classes]
    for a, b in pairwise(maps):
        if a.classes != b.classes:
            differ = sorted({name for name, _ in set(a.classes) ^ set(b.classes)})
            evidence = f"class_to_idx differs between two datasets at {', '.join(differ[:4])}"
            line = first(leading(journal, "loader", b.where), r"^(?!.*DataLoader\().*=") or b.where
            return [finding("class-map-mismatch", "fail", line, evidence)]
    renamed = [one for one in journal.of(Renamed) if _stated(journal, one)]
    known = sorted((*journal.of(Evaluation), *renamed), key=lambda one: one.step)
    evaluations = [one for one in known if one.count >= 100]
    losses = [one for one in journal.of(LossCall) if one.learning and one.name in ("cross_entropy", "nll_loss")]
    ends = journal.of(End)
    learned = bool(losses and ends) and ends[0].loss < 0.6 * log(max(losses[-1].classes, 2))
    if not evaluations or not learned or evaluations[-1].right > 0.8 * evaluations[-1].count:
        return [] if len(maps) > 1 else None
    last = evaluations[-1]
    size = 1 + max(max(y, p) for y, p, _ in last.confusion)
    if size < 3 or size > 1000 or min(min(y, p) for y, p, _ in last.confusion) < 0:
        return []
    table = [[0] * size for _ in range(size)]
    for label, said, number in last.confusion:
        table[said][label] += number
    most = min(sum(map(max, table)), sum(max(column) for column in zip(*table, strict=True)))
    if most - last.right < 0.2 * last.count:  # no renaming can do better than this
        return []
    from scipy.optimize import linear_sum_assignment  # takes half a second that hardly any script has to pay

    rows, columns = linear_sum_assignment(table, maximize=True)
    matched = {int(p): int(y) for p, y in zip(rows, columns, strict=True)}
    best = sum(table[p][y] for p, y in matched.items())
    moved = [p for p, y in matched.items() if p != y and table[p][y] > 0.5 * sum(table[p]) >= 0.025 * last.count]
    if best - last.right < 0.2 * last.count or len(moved) < 2:
        return []
    evidence = f"{last.right} of {last.count} are right as counted, {best} if classes are renamed: " + ", ".join(
        f"what is called {p} is labelled {matched[p]}" for p in moved[:3]
    )
    learning = {line for one in journal.of(Lineage) if one.about == "labels" for line in one.lines}
    own = [line for line in leading(journal, "truth", last.where) if line not in learning]
    return [finding("class-map-mismatch", "warn", first(own, NUMBERED) or last.caller, evidence, 0.95)]


def _stated(journal: Journal, seen: Evaluation) -> bool:
    """Whether the script itself says that so few are right; 0 is what many a variable begins with."""
    values = (value for one in journal.of(Printed) for _, several in accuracies(one) for value in several)
    return seen.right > 0 and any(abs(value - seen.right / seen.count) <= error for value, error in values)


@decides("repeated-worker-rng")
def repeated_worker_rng(journal: Journal) -> Verdict:
    """Workers, or the same one in the next round, that draw from a stream which begins in the same state."""
    if not journal.of(Drawn):
        return None
    begun: dict[tuple[int, str, str], list[int]] = {}
    for one in journal.of(Drawn):
        for name, state in one.streams:
            begun.setdefault((one.loader, name, state), []).append(one.worker)
    for (loader, name, _), workers in begun.items():
        if len(workers) > 1:
            where = next(one.where for one in journal.of(Drawn) if one.loader == loader)
            whose = f"{len(set(workers))} workers" if len(set(workers)) > 1 else f"{len(workers)} rounds"
            evidence = f"the random numbers of '{name}' begin in the same state in {whose}, which drew from them"
            lines = leading(journal, "worker", where)
            line = first(
                lines, rf"\b{name} *=.*(rng|Random|Generator)", r"seed\(|default_rng|RandomState|Random\(|Generator\("
            )
            return [finding("repeated-worker-rng", "fail", line or where, evidence)]
    return []


@decides("degenerate-data")
def degenerate_data(journal: Journal) -> Verdict:
    """Inputs that are no numbers, blank pictures, a single class."""
    passes = [one for one in journal.of(Pass) if one.input]
    learning = [one for one in passes if one.backward]
    if not learning:
        return None
    broken = next((one for one in passes if one.input and not one.input.finite), None)
    if broken:
        evidence = f"an input at step {broken.step} holds numbers that are not finite"
        lines = leading(journal, "learned" if broken.grad else "evaluated", broken.where)
        line = first(lines, r"nan|inf\b", r"log\(|sqrt\(", SCALED) or broken.where
        return [finding("degenerate-data", "fail", line, evidence)]
    calls = [one for one in journal.of(LossCall) if one.learning and one.targets.counts and one.classes > 1]
    totals = [sum(column) for column in zip(*(one.targets.counts for one in calls), strict=False)]
    if calls and sum(totals) >= 64 and max(totals) == sum(totals):
        evidence = f"all {sum(totals)} training labels seen are class {totals.index(max(totals))}"
        return [finding("degenerate-data", "fail", _labels_alone(journal, calls[0].where), evidence)]
    flat = [one.input.minimum == one.input.maximum for one in learning if one.input]
    if calls and len(flat) > 2 and all(flat):
        evidence = f"all inputs of the {len(flat)} training passes looked at are one and the same number"
        line = first(leading(journal, "learned", learning[0].where), BLANKED)
        return [finding("degenerate-data", "fail", line or learning[0].where, evidence)]
    blank = [one.input.blank for one in learning if one.input]
    if sum(blank) / len(blank) > 0.05:
        evidence = f"{sum(blank) / len(blank):.0%} of the training pictures looked at have one value in all pixels"
        line = first(leading(journal, "learned", learning[0].where), BLANKED)
        return [finding("degenerate-data", "warn", filled(journal, line) or line or learning[0].where, evidence, 0.9)]
    return _hidden_imbalance(journal, totals) or _turned_digits(journal, learning[0].where)


def filled(journal: Journal, where: str | None) -> str | None:
    """The line that writes into an array of zeros which this line makes: what it leaves out stays blank."""
    made = re.match(r"\s*(\w+)\s*=.*\b(zeros|empty)\(", text_of(journal, where)) if where else None
    if where is None or made is None:
        return None
    path, _, number = where.rpartition(":")
    return line_like(journal, rf"^\s*{made[1]}\[.*\]\s*=[^=]", path, int(number) + 1)


def _hidden_imbalance(journal: Journal, trained: list[int]) -> list[Finding]:
    """An accuracy that is the share of the one class that is always said, of data that hold hardly anything else."""
    known = [one for one in journal.of(Evaluation) if one.count >= 100]
    said = {p for _, p, _ in known[-1].confusion} if known else set[int]()
    if len(said) != 1 or not trained or max(trained) < 0.8 * sum(trained):
        return []
    last = known[-1]
    if not 0.8 * last.count < last.right < last.count:
        return []
    evidence = (
        f"{last.right} of {last.count} are right, and all are called {said.pop()}: the accuracy is the share of that "
        f"class, which is {max(trained) / sum(trained):.0%} of the training labels too"
    )
    return [finding("degenerate-data", "warn", last.caller, evidence, 0.9)]


def _turned_digits(journal: Journal, where: str | None) -> list[Finding]:
    """Digits that are turned or mirrored in training alone, as far as the script's words tell."""
    lines = leading(journal, "learned", where)
    judged = {line for one in journal.of(Pass) if not one.grad for line, _ in leading(journal, "evaluated", one.where)}
    line = first((one for one in lines if one[0] not in judged), TURNED, MIRRORED)
    if line is None or not first(lines, r"(?i)digits|mnist|svhn|letters"):
        return []
    evidence = "training pictures are turned or mirrored, and digits are not what they were then: a 6 becomes a 9"
    return [finding("degenerate-data", "warn", line, evidence, 0.7)]
