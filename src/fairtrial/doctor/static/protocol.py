"""Faults in data, in what is kept as the best, and in how a model is evaluated, as the source shows them."""

from __future__ import annotations

from collections.abc import Iterator

from fairtrial.doctor.findings import Finding, finding
from fairtrial.doctor.static.library import SAME_NUMBERS
from fairtrial.doctor.static.script import Script, Verdict, decides, line_of
from fairtrial.doctor.static.step import learning_loaders, script_inputs
from fairtrial.doctor.static.trace import Event, ancestors
from fairtrial.doctor.static.values import Items, Known, Made, Tensor, Value, number, options_of


def _states(value: Value) -> list[Made]:
    """Live states in a value: itself, one in a dict, or a dict made of its tensors."""
    found: list[Made] = []
    for one in options_of(value):
        inside = one.items if isinstance(one, Items) else [one]
        for item in inside:
            if isinstance(item, Made) and item.kind == "state":
                found.append(item)
            if isinstance(item, Tensor) and item.op == "state value":
                found += [parent for parent in item.parents if isinstance(parent, Made)]
    return found


def _choosing(script: Script) -> list[Event]:
    """Where a model's state is kept under a condition, within a loop."""
    return [e for e in script.trace.of("kept") if e.loops and not e.sure]


@decides("best-state-alias")
def best_state_alias(script: Script) -> Verdict:
    """What is kept under a condition is the live state, and is loaded or saved after the loop."""
    kept = _choosing(script)
    if not kept:
        return None
    events = script.trace.events
    found: list[Finding] = []
    for event in kept:
        alive = _states(event.args[0] if event.args else event.subject)
        for later in events[events.index(event) :]:
            used = later.args[:1] if later.what == "loaded" else (later.subject,) if later.what == "saved" else ()
            if _outside(later, event) and any(one in alive for arg in used for one in _states(arg)):
                evidence = (
                    f"{event.name} is what state_dict() gave, not a copy, and is used at line "
                    f"{later.place.line} after more steps"
                )
                found.append(finding("best-state-alias", "fail", str(event.place), evidence))
    return found[:1]


@decides("best-not-restored")
def best_not_restored(script: Script) -> Verdict:
    """What is kept under a condition is never read, and a model is evaluated after the loop."""
    kept = _choosing(script)
    if not kept:
        return None
    for event in kept:
        later = [e for e in script.evaluations if _outside(e, event) and _after(script, e, event)]
        if event.name not in script.trace.loads and later and not script.trace.of("loaded"):
            last = later[-1]
            place = last.stack[-1] if last.stack else last.place
            evidence = (
                f"{event.name} is kept at line {event.place.line} and never read; this evaluation has the last weights"
            )
            return [finding("best-not-restored", "fail", str(place), evidence)]
    return []


def _outside(later: Event, kept: Event) -> bool:
    """Whether the loop in which something is kept is over."""
    return kept.loops[-1].node not in {loop.node for loop in later.loops}


def _after(script: Script, later: Event, earlier: Event) -> bool:
    return script.trace.events.index(later) > script.trace.events.index(earlier)


def _source(event: Event) -> Value | None:
    """Where an evaluation's inputs come from: a loader, or the value that was handed over."""
    if loaders := script_inputs(event):
        return loaders[0]
    one = event.args[1] if len(event.args) > 1 else None
    while isinstance(one, Tensor) and one.parents and one.op in SAME_NUMBERS | {"row", "part"}:
        one = one.parents[0]
    return one


@decides("test-set-selection")
def test_set_selection(script: Script) -> Verdict:
    """The only part that is evaluated chooses what is kept, and is called the test part."""
    kept = _choosing(script)
    if not kept or not script.evaluations:
        return None
    inside = [e for e in script.evaluations if e.loops and not any(_after(script, k, e) and not e.loops for k in kept)]
    sources = {id(_source(e)) for e in script.evaluations}
    if len(sources) > 1 or not inside:
        return []
    event = inside[0]
    loader = _source(event)
    named = [event.place, *event.stack, *([loader.place] if isinstance(loader, Made) else [])]
    place = next((one for one in named if "test" in line_of(script.trace, one).lower()), None)
    if place is None:
        return []
    evidence = (
        f"the weights kept at line {kept[0].place.line} are chosen by the test part, the only one that is evaluated"
    )
    return [finding("test-set-selection", "warn", str(place), evidence, 0.9)]


@decides("identical-seeds")
def identical_seeds(script: Script) -> Verdict:
    """A loop over seeds in which each turn sets the same one."""
    loops = [e for e in script.trace.of("seed") if any("seed" in loop.name.lower() for loop in e.loops)]
    if not loops:
        return None
    fixed: dict[str, list[object]] = {}
    for event in loops:
        one = event.subject
        fixed.setdefault(str(event.place), []).append(one.value if isinstance(one, Known) else object())
    varied = any(len({repr(value) for value in values}) > 1 for values in fixed.values())
    for place, values in fixed.items():
        made = any(e.loops and "seed" in e.loops[0].name.lower() for e in script.made("optimizer"))
        if len(values) > 1 and not varied and len({repr(value) for value in values}) == 1 and made:
            where = _written(script, next(e for e in loops if str(e.place) == place), values[0])
            return [
                finding("identical-seeds", "fail", where, f"each turn of the loop over seeds sets the seed {values[0]}")
            ]
    return []


def _written(script: Script, event: Event, value: object) -> str:
    """The line on which the seed's number is written: here, or at one of the calls around."""
    places = [event.place, *reversed(event.stack)]
    return str(next((one for one in places if repr(value) in line_of(script.trace, one)), event.place))


@decides("repeated-batch")
def repeated_batch(script: Script) -> Verdict:
    """next(iter(loader)) within the loop, of a loader that does not shuffle."""
    if not script.passes or not script.made("loader"):
        return None
    found: list[Finding] = []
    learned = {id(loader) for event in script.passes for loader in script_inputs(event)}
    begun = {id(e.subject): e for e in script.made("iterator")}
    for event in script.trace.of("next"):
        one = event.subject
        start = begun.get(id(one))
        loader = one.args[0] if isinstance(one, Made) and one.args else None
        if not isinstance(loader, Made) or not start or id(loader) not in learned:
            continue
        if start.loops == event.loops and event.loops and not _shuffles(loader):
            evidence = (
                "next(iter(loader)) begins anew each time, and the loader does not shuffle: it is always "
                "the first batch"
            )
            found.append(finding("repeated-batch", "fail", str(event.place), evidence))
        elif not event.loops and _taught_only(script, loader):
            evidence = "one batch is taken before the loop, and all training is done with it"
            found.append(finding("repeated-batch", "warn", str(event.place), evidence, 0.8))
    return found[:1]


def _taught_only(script: Script, loader: Made) -> bool:
    """Whether all passes that teach get one and the same batch of a loader, while another part is evaluated."""
    inputs = {id(one) for e in script.passes for arg in e.args[1:] for one in ancestors(arg) if one.op == "input"}
    return len(inputs) == 1 and len(script.passes) > 1 and bool(script.evaluations)


def _shuffles(loader: Made) -> bool:
    option = loader.options.get("shuffle") or (loader.args[2] if len(loader.args) > 2 else None)
    told = isinstance(option, Known) and not option.value
    other = {"sampler", "batch_sampler", "**"} & loader.options.keys()
    return bool(other) or (option is not None and not told)


@decides("unshuffled-training")
def unshuffled_training(script: Script) -> Verdict:
    """A training loader without shuffle or sampler, on data that are in order."""
    loaders = learning_loaders(script)
    if not loaders:
        return None
    found: list[Finding] = []
    for one in loaders:
        data = one.args[0] if one.args else one.options.get("dataset")
        if _shuffles(one) or not isinstance(data, Made):
            continue
        sorted_ = any(inner.op in ("argsort", "sort") for arg in data.args for inner in _with_indices(arg))
        told = one.options.get("shuffle")
        if data.name in ("ImageFolder", "DatasetFolder"):
            text = f"{data.name} lists the images class by class, and the training loader does not shuffle"
            found.append(finding("unshuffled-training", "fail", str(one.place), text))
        elif sorted_:
            text = "the data were sorted, and the training loader does not shuffle"
            found.append(finding("unshuffled-training", "warn", str(one.place), text, 0.9))
        elif told is not None and data.name != "random_split":
            text = "the training loader has shuffle=False"
            found.append(finding("unshuffled-training", "warn", str(one.place), text, 0.6))
    return found[:1]


def _with_indices(value: Value) -> Iterator[Tensor]:
    """All that a tensor was made of, and the tensors that picked its rows."""
    for one in ancestors(value):
        yield one
        yield from ancestors(one.options.get("index", Value()))


def _transforms(data: Value) -> Iterator[Made]:
    """All transforms that a data set is made with."""
    for one in options_of(data):
        if not isinstance(one, Made):
            continue
        todo: list[Value] = [one.options["transform"]] if "transform" in one.options else []
        while todo:
            part = todo.pop()
            if isinstance(part, Items):
                todo += part.items
            elif isinstance(part, Made) and part.kind == "transform":
                yield part
                todo += part.args
        if one.name in ("Subset", "random_split") and one.args:
            yield from _transforms(one.args[0])


RANDOM = ("Random", "ColorJitter", "AutoAugment", "TrivialAugment", "AugMix")


@decides("augmented-validation")
def augmented_validation(script: Script) -> Verdict:
    """An evaluated part of a random_split or Subset whose data set has random transforms."""
    evaluated = [loader for e in script.evaluations for loader in script_inputs(e)]
    seen = [one.args[0] for one in evaluated if one.args and list(_transforms(one.args[0]))]
    if not seen:
        return None
    if "transform" in script.trace.loads and any(".transform =" in line for line in script.trace.lines):
        return []
    learned = [loader.args[0] for loader in learning_loaders(script) if loader.args]
    for data in seen:
        if not isinstance(data, Made) or data.name not in ("random_split", "Subset") or not data.args:
            continue
        shared = any(isinstance(one, Made) and one.args and one.args[0] is data.args[0] for one in learned)
        drawn = [one for one in _transforms(data) if one.name.startswith(RANDOM)]
        if shared and drawn:
            evidence = (
                f"the evaluated part shares its data set, and with it {drawn[0].name} at line "
                f"{drawn[0].place.line}, with training"
            )
            return [finding("augmented-validation", "fail", str(data.place), evidence)]
    return []


@decides("split-preprocessing-mismatch")
def split_preprocessing_mismatch(script: Script) -> Verdict:
    """Other numbers in Normalize for training and evaluation, a division in one of them only, or divided labels."""
    if not script.passes or not script.evaluations:
        return None
    found: list[Finding] = []
    train = {_normal(loader.args[0]) for e in script.passes for loader in script_inputs(e) if loader.args}
    other = [loader for e in script.evaluations for loader in script_inputs(e) if loader.args]
    for loader in other:
        mine = _normal(loader.args[0])
        if len(train) == 1 and None not in train and mine is not None and mine not in train:
            evidence = f"Normalize has {' and '.join(map(str, train))} in training, and {mine} for what is evaluated"
            found.append(finding("split-preprocessing-mismatch", "fail", str(loader.place), evidence))
    ways = {_scaled(e) for e in script.passes}
    for event in script.evaluations:
        if ways == {None} and (by := _scaled(event)) is not None and script_inputs(event):
            evidence = f"inputs are divided by {by:g} where the model is evaluated, and not where it is trained"
            found.append(finding("split-preprocessing-mismatch", "warn", str(event.place), evidence, 0.9))
    for call in script.losses:
        for one in ancestors(call.args[1]) if len(call.args) > 1 else ():
            if one.op == "div" and len(one.parents) == 2 and number(one.parents[1]) == 255:
                left = one.parents[0]
                if any(leaf.op == "label" for leaf in ancestors(left)):
                    evidence = "the labels are divided by 255"
                    found.append(finding("split-preprocessing-mismatch", "fail", str(one.place), evidence))
    return list({one.where: one for one in found}.values())[:1]


def _normal(data: Value) -> str | None:
    """The numbers of a data set's Normalize, 'nothing' without one; None where that cannot be told."""
    made = list(_transforms(data))
    if not made:
        return None
    normal = [one for one in made if one.name == "Normalize"]
    if not normal:
        return (
            "nothing"
            if all(one.name in ("Compose", "ToTensor") or one.name.startswith(RANDOM) for one in made)
            else None
        )
    numbers = [[number(v) for v in arg.items] for arg in normal[0].args if isinstance(arg, Items)]
    return str(numbers) if numbers and all(None not in one for one in numbers) else None


def _scaled(event: Event) -> float | None:
    """By what the inputs of a pass are divided on their way from the loader."""
    for arg in event.args[1:2]:
        for one in ancestors(arg):
            if one.op == "div" and len(one.parents) == 2 and (by := number(one.parents[1])) is not None and by >= 16:
                return by
    return None


@decides("input-scale")
def input_scale(script: Script) -> Verdict:
    """ToTensor, which divides by 255, and then a division by 255."""
    seen = [(e, loader) for e in script.passes for loader in script_inputs(e) if loader.args]
    known = [(e, loader) for e, loader in seen if any(one.name == "ToTensor" for one in _transforms(loader.args[0]))]
    if not known:
        return None
    return [
        finding(
            "input-scale",
            "fail",
            str(e.place),
            "ToTensor has divided the images by 255, and they are divided by 255 again",
        )
        for e, _ in known
        if _scaled(e) in (255, 256)
    ][:1]


@decides("split-leakage")
def split_leakage(script: Script) -> Verdict:
    """Subsets of one data set whose ranges overlap: one is trained on, the other evaluated."""
    learned = [loader.args[0] for loader in learning_loaders(script) if loader.args]
    judged = [loader for e in script.evaluations for loader in script_inputs(e) if loader.args]
    pairs = [(a, b) for a in learned for b in judged if _range(a) and _range(b.args[0])]
    if not pairs:
        return None
    found: list[Finding] = []
    for a, loader in pairs:
        b = loader.args[0]
        one, other = _range(a), _range(b)
        if (
            a is b
            or not isinstance(a, Made)
            or not isinstance(b, Made)
            or a.args[0] is not b.args[0]
            or not one
            or not other
        ):
            continue
        shared = min(one[1], other[1]) - max(one[0], other[0])
        if shared > 0 and one != other:
            evidence = f"{shared:g} indices are in the training part and in the evaluated one"
            found.append(finding("split-leakage", "fail", str(loader.place), evidence))
    return found[:1]


def _range(data: Value) -> tuple[float, float] | None:
    if not isinstance(data, Made) or data.name != "Subset" or len(data.args) < 2:
        return None
    over = data.args[1]
    if not isinstance(over, Tensor) or over.op != "range" or len(over.parents) > 2:
        return None
    bounds = [number(one) for one in over.parents]
    start, end = (0.0, bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[1]) if len(bounds) == 2 else (None, None)
    return (start, end) if start is not None and end is not None else None


@decides("wrong-accuracy")
def wrong_accuracy(script: Script) -> Verdict:
    """The largest output along the batch, or right answers divided by something else than the number of examples."""
    divisions, axes = script.trace.of("divide"), script.trace.of("argmax")
    if not divisions and not axes:
        return None
    outputs = {id(option) for e in script.trace.of("pass") for option in options_of(e.args[0])}
    found: list[Finding] = []
    for event in axes:
        made = event.subject
        dim = number(made.options.get("dim")) if isinstance(made, Tensor) else None
        scores = event.args[0] if event.args else None
        single = any(one.op == "row" for one in ancestors(scores or Value()))
        if dim == 0 and scores is not None and not single and any(id(one) in outputs for one in options_of(scores)):
            evidence = "argmax has dim=0: it looks for the largest output over the examples, not over the classes"
            found.append(finding("wrong-accuracy", "fail", str(event.place), evidence))
    for event in divisions:
        if said := _divided(event):
            level, text, sure = said
            found.append(finding("wrong-accuracy", "fail" if level else "warn", str(event.place), text, sure))
    return found[:1]


def _divided(event: Event) -> tuple[bool, str, float] | None:
    """What is wrong with a division of right answers."""
    above, below = event.args
    made = [one.op for one in ancestors(above)]
    if "eq" not in made or "loss" in made or "add" not in made:
        return None
    if _batches(below):
        if "mean" in made and not _by_count(above):
            return (
                False,
                "the mean of the batches' means: the last batch is smaller, and counts as much as the others",
                0.8,
            )
        if "sum" in made and "mean" not in made and "div" not in made:
            return True, "right answers are divided by the number of batches", 1.0
    if isinstance(below, Tensor) and below.op == "mult" and any(_batches(one) for one in below.parents):
        return False, "right answers are divided by batches times batch size; the last batch may be smaller", 0.9
    return None


def _by_count(value: Value) -> bool:
    """Whether a mean is multiplied by anything but a plain number on the way."""
    return any(
        one.op == "mult" and not any(number(part) is not None for part in one.parents) for one in ancestors(value)
    )


def _batches(value: Value) -> bool:
    """Whether it is len(loader)."""
    return (
        isinstance(value, Tensor)
        and value.op == "len"
        and any(isinstance(one, Made) and one.kind == "loader" for one in value.parents)
    )
