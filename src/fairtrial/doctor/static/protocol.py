"""Faults in data, in what is kept as the best, and in how a model is evaluated, as the source shows them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fairtrial.doctor.findings import Finding, finding
from fairtrial.doctor.static.facts import (
    DRAWS,
    GENERATORS,
    RANDOM_ORDER,
    Shape,
    bare,
    batch_size,
    bounds,
    by_class,
    chosen,
    closed,
    count,
    draws,
    in_order,
    labels,
    masks,
    mixes,
    of,
    operand,
    parts,
    rows,
    shape,
    shared,
    shuffles,
    sources,
    span,
    way,
)
from fairtrial.doctor.static.library import SAME_NUMBERS
from fairtrial.doctor.static.loss import one_hot, rate_of
from fairtrial.doctor.static.script import (
    SAME_SHAPE,
    Script,
    Verdict,
    decides,
    ends_in,
    learning_loaders,
    line_of,
    script_inputs,
    weighted,
    within,
)
from fairtrial.doctor.static.trace import Event, Loop, ancestors
from fairtrial.doctor.static.values import (
    Either,
    Function,
    Instance,
    Items,
    Known,
    Layer,
    Library,
    Made,
    Module,
    Place,
    Slice,
    Tensor,
    Value,
    number,
    options_of,
)


def _states(value: Value) -> list[Made]:
    """Live states in a value: itself, one in a dict, or a dict made of its tensors."""
    found: list[Made] = []
    for one in options_of(value):
        inside = one.items if isinstance(one, Items) else [one]
        for item in inside:
            if isinstance(item, Made) and item.kind == "state":
                found.append(item)
            while isinstance(item, Tensor) and item.op in ("detach", "data", "cpu", "view") and item.parents:
                item = item.parents[0]  # the same memory, where the model is on the CPU
            if isinstance(item, Tensor) and item.op == "state value":
                found += [parent for parent in item.parents if isinstance(parent, Made)]
    return found


def _choosing(script: Script) -> list[Event]:
    """Where a model's state is kept under a condition, within a loop."""
    kept = [e for e in script.trace.of("kept") if e.loops and not e.sure]
    return [e for e in kept if e.name not in e.loops[-1].name.strip("()").replace(",", " ").split()]


@decides("best-state-alias")
def best_state_alias(script: Script) -> Verdict:
    """What is kept under a condition is the live state, and is loaded or saved after the loop."""
    kept = _choosing(script)
    if not kept:
        return None
    events = script.trace.events
    found: list[Finding] = []
    for event in kept:
        alive = [
            one
            for one in _states(event.args[0] if event.args else event.subject)
            if one.args and _steps_on(script, event, one.args[0])
        ]
        for later in events[events.index(event) :]:
            used = later.args[:1] if later.what == "loaded" else (later.subject,) if later.what == "saved" else ()
            if _outside(later, event) and any(one in alive for arg in used for one in _states(arg)):
                moved = any(one.op == "cpu" for one in ancestors(event.subject))  # a copy, from another device
                evidence = (
                    f"{event.name} is what state_dict() gave, not a copy, and is used at line "
                    f"{later.place.line} after more steps"
                )
                evidence += " (cpu() copies nothing of a model that is on the CPU)" if moved else ""
                level, sure = ("warn", 0.8) if moved else ("fail", 1.0)
                found.append(finding("best-state-alias", level, str(event.place), evidence, sure))
    return found[:1]


def _steps_on(script: Script, kept: Event, model: Value) -> bool:
    """Whether the model is trained further after its state is kept, and the loop is not left there."""
    later = script.trace.events[script.trace.events.index(kept) :]
    left = any(e.what == "left" and e.loops == kept.loops and e.tests == kept.tests for e in later)
    taught = [loop for e in script.passes if within(e.subject, model) or within(model, e.subject) for loop in e.loops]
    return not left and len({loop.turn for loop in taught if loop.node == kept.loops[-1].node}) > 1


@decides("best-not-restored")
def best_not_restored(script: Script) -> Verdict:
    """What is kept under a condition is never read, and a model is evaluated after the loop."""
    kept = _choosing(script)
    if not kept:
        return None
    for event in kept:
        later = [e for e in script.evaluations if _outside(e, event) and _after(script, e, event)]
        if event.name and event.name not in script.trace.loads and later and not script.trace.of("loaded"):
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


TEST_NAMES = frozenset({"test", "tests", "testing", "testset", "testloader", "final", "held", "holdout", "unseen"})


def _names_test(line: str) -> bool:
    """Whether a line's code has a name of the test part."""
    code = line.partition("#")[0].replace("train_test_split", "").replace("test_size", "")
    return bool(TEST_NAMES & set(re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", code).lower())))


@decides("test-set-selection")
def test_set_selection(script: Script) -> Verdict:
    """What chooses the weights or the settings is called the test part, and is all that is evaluated."""
    kept = (
        _choosing(script)
        or [e for e in script.trace.of("saved") if e.loops and not e.sure]
        or [e for e in script.trace.of("judged") if e.loops[-1].turn and not any(map(_written_down, _sides(e)))]
        or [e for e in script.trace.of("picked") if any(one.op == "eq" for arg in e.args for one in ancestors(arg))]
    )
    if not kept or not script.evaluations:
        return None
    inside = [e for e in script.evaluations if e.loops and not any(_after(script, k, e) and not e.loops for k in kept)]
    inside = inside or [e for e in script.evaluations if e.loops]
    if len({_rows_of(e) for e in script.evaluations}) > 1 or not inside:
        return []
    if kept[0].what == "picked" and not any(_after(script, e, kept[0]) for e in script.evaluations):
        return []
    event = inside[0]
    loader = _source(event)
    named = [event.place, *event.stack, *([loader.place] if isinstance(loader, Made) else [])]
    place = next((one for one in named if _names_test(line_of(script.trace, one))), None)
    if place is None:
        return []
    evidence = f"what is chosen at line {kept[0].place.line} is chosen by the test part, the only one that is evaluated"
    return [finding("test-set-selection", "warn", str(place), evidence, 0.9)]


def _sides(event: Event) -> tuple[Value, ...]:
    return event.subject.parents if isinstance(event.subject, Tensor) else ()


def _written_down(value: Value) -> bool:
    """Whether it is a number that the script has: no record that is beaten."""
    return number(value) is not None


def _rows_of(event: Event) -> tuple[object, ...]:
    """Which rows an evaluation looks at, as far as that can be compared."""
    source = _source(event)
    if isinstance(source, Made):
        return (id(source),)
    told = chosen(event.args[1]) if len(event.args) > 1 else None
    return (id(source),) if told is None else (id(told.base), *(bounds(one) or id(one) for one in told.picks))


@decides("identical-seeds")
def identical_seeds(script: Script) -> Verdict:
    """A loop over seeds in which each turn sets the same one."""
    if unheard := _unheard(script):
        return [unheard]
    loops = [e for e in script.trace.of("seed") if any(_over_runs(loop) for loop in e.loops)]
    if not loops:
        return None
    fixed: dict[str, list[object]] = {}
    for event in loops:
        one = event.subject
        fixed.setdefault(str(event.place), []).append(one.value if isinstance(one, Known) else object())
    varied = any(len({repr(value) for value in values}) > 1 for values in fixed.values())
    varied = varied or not any(e.name.startswith("torch") for e in loops) or _settings_differ(script)
    for place, values in fixed.items() if not varied else ():
        made = any(e.loops and _over_runs(e.loops[0]) for e in script.made("optimizer"))
        own = any(str(e.place) == place and e.name == "generator" for e in loops)
        if len(values) > 1 and not own and len({repr(value) for value in values}) == 1 and made:
            where = _written(script, next(e for e in loops if str(e.place) == place), values[0])
            return [
                finding("identical-seeds", "fail", where, f"each turn of the loop over seeds sets the seed {values[0]}")
            ]
    return []


def _settings_differ(script: Script) -> bool:
    """Whether runs have other settings: the same seed is then a fair comparison."""
    made = [e for e in script.made("optimizer") if any(_over_runs(loop) for loop in e.loops)]
    over = [loop.over for e in made for loop in e.loops if _over_runs(loop) and "seed" not in loop.name.lower()]
    return any(not isinstance(one, Tensor) or one.op != "range" for one in over) or any(
        rate_of(e.subject) is None for e in made if isinstance(e.subject, Made) and e.subject.options.get("lr")
    )


def _over_runs(loop: Loop) -> bool:
    """Whether a loop goes over seeds, by its name."""
    return any(word in loop.name.lower() for word in ("seed", "trial", "repeat", "replica"))


def _unheard(script: Script) -> Finding | None:
    """Calls in a loop that ask for other seeds, and all set the same one."""
    asked = script.trace.of("asked")
    for first in asked:
        turns = [e for e in asked if e.place == first.place]
        wanted = {_told(e.subject) for e in turns}
        node = first.loops[-1].node
        set_ = [e for e in script.trace.of("seed") if any(loop.node == node for loop in e.loops)]
        heard = {_told(e.subject) for e in set_ if e.name != "generator"}
        used = len(wanted & {_told(e.subject) for e in set_}) > 1  # by a generator or a split of its own
        made = any(any(loop.node == node for loop in e.loops) for e in script.made("optimizer"))
        fixed = [e for e in set_ if e.name != "generator" and isinstance(e.subject, Known)]
        if len(wanted) > 1 and len(fixed) > 1 and len(heard) == 1 and made and not used:
            text = f"{first.name} is another one in each call, and the seed that is set is {heard.pop()} in all"
            return finding("identical-seeds", "fail", str(first.place), text)
    return None


def _told(seed: Value) -> str:
    """A seed's number, or one of its own where that is not known."""
    return repr(seed.value) if isinstance(seed, Known) else f"turn {id(seed)}"


def _written(script: Script, event: Event, value: object) -> str:
    """The line on which the seed's number is written: here, or at one of the calls around."""
    places = [event.place, *reversed(event.stack)]
    return str(next((one for one in places if repr(value) in line_of(script.trace, one)), event.place))


@decides("repeated-batch")
def repeated_batch(script: Script) -> Verdict:
    """next() of an iterator that begins anew in each turn, or a loop whose turns all cut the same rows."""
    if not script.passes:
        return None
    found: list[Finding] = []
    learned = {id(loader) for event in script.passes for loader in script_inputs(event)}
    begun = {id(e.subject): e for e in (*script.made("iterator"), *script.trace.of("stream"))}
    for event in script.trace.of("next"):
        start = begun.get(id(event.subject))
        loader = _loader_of(event.subject)
        if loader is None or not start or id(loader) not in learned:
            continue
        if (
            start.loops == event.loops
            and event.loops
            and _lies_still(loader)
            and (not shuffles(loader) or _starts_alike(script, loader, event))
        ):
            evidence = (
                f"the iterator of next() begins anew in each turn, and the loader made at line {loader.place.line} "
                "begins each time with the same batch"
            )
            found.append(finding("repeated-batch", "fail", str(event.place), evidence))
        elif not event.loops and _taught_only(script, loader):
            evidence = "one batch is taken before the loop, and all training is done with it"
            found.append(finding("repeated-batch", "warn", str(event.place), evidence, 0.8))
    for event in script.passes:
        inner = event.loops[-1] if event.loops else None
        stepping = (
            inner and isinstance(inner.over, Tensor) and inner.over.op == "range" and len(inner.over.parents) == 3
        )
        picks = chosen(event.args[1]).picks if len(event.args) > 1 else ()
        same = picks and all(isinstance(one, Slice) and bounds(one) is not None for one in picks)
        turned = [e for e in script.passes if e.place == event.place and len(e.args) > 1]
        same = same and len({tuple(bounds(one) for one in chosen(e.args[1]).picks) for e in turned}) == 1
        if inner and stepping and same and inner.name not in script.trace.loads:
            text = f"the loop counts with {inner.name}, which nothing reads: each turn trains with the same rows"
            found.append(finding("repeated-batch", "fail", str(event.place), text))
    return found[:1]


def _loader_of(source: Value) -> Made | None:
    """The loader that an iterator, or a generator of the script, takes its batches from."""
    if isinstance(source, Made):
        return source.args[0] if source.args and isinstance(source.args[0], Made) else None
    first = source.items[0] if isinstance(source, Items) and source.items else None
    parts = first.items if isinstance(first, Items) else []
    made = [one.parents[0] for one in parts if isinstance(one, Tensor) and one.op == "input" and one.parents]
    return made[0] if made and isinstance(made[0], Made) else None


def _starts_alike(script: Script, loader: Made, event: Event) -> bool:
    """Whether it is made in the same turn, with a generator that is seeded there with a written number."""
    made = next((e for e in script.made("loader") if e.subject is loader), None)
    one = loader.options.get("generator")
    seeded = isinstance(one, Tensor) and one.op == "manual_seed" and number(one.parents[-1]) is not None
    return seeded and made is not None and made.loops[: len(event.loops)] == event.loops


def _lies_still(loader: Made) -> bool:
    """Whether a loader's examples surely are the same each time: no stream, and nothing drawn."""
    data = loader.args[0] if loader.args else loader.options.get("dataset")
    while isinstance(data, Made) and data.name in ("Subset", "random_split") and data.args:
        data = data.args[0]
    return isinstance(data, Items) or (isinstance(data, Made) and data.name == "TensorDataset")


def _taught_only(script: Script, loader: Made) -> bool:
    """Whether all that teaches is one batch of less than half of the data, while other data are evaluated."""
    many = rows(loader.args[0]) if loader.args else None
    size = batch_size(loader)
    if many is None or size is None or size > many / 2:
        return False
    inputs = {id(one) for e in script.passes for arg in e.args[1:] for one in ancestors(arg) if one.op == "input"}
    judged = {id(one) for e in script.evaluations for arg in e.args[1:] for one in sources(arg)}
    return len(inputs) == 1 and len(script.passes) > 1 and bool(judged) and not inputs & judged


@decides("unshuffled-training")
def unshuffled_training(script: Script) -> Verdict:
    """Training rows come in the order of a set that is in order: class by class, or sorted."""
    loaders = learning_loaders(script)
    targets = [e.args[1] for e in script.losses if len(e.args) > 1]
    if not loaders and not targets:
        return None
    found: list[Finding] = []
    for one in loaders:
        data = one.args[0] if one.args else one.options.get("dataset")
        if shuffles(one) or not isinstance(data, Made):
            continue
        wanted = chosen(data.args[-1]).base if data.args else None
        orders = [inner for arg in data.args for inner in _with_indices(arg) if inner.op in ("argsort", "sort")]
        sorted_ = any(chosen(inner.parents[0]).base is wanted for inner in orders if inner.parents)
        if data.name in ("ImageFolder", "DatasetFolder"):
            text = f"{data.name} lists the images class by class, and the training loader does not shuffle"
            found.append(finding("unshuffled-training", "fail", str(one.place), text))
        elif sorted_:
            text = "the data were sorted, and the training loader does not shuffle"
            found.append(finding("unshuffled-training", "warn", str(one.place), text, 0.9))
    stirred = {id(e.subject) for e in script.trace.of("shuffled")}
    for target in targets:
        base = in_order(target)
        if any(id(one) in stirred for one in sources(target)):
            continue
        picked = [one for one in chosen(target).picks if not masks(one)]  # a mask takes a part, and no batch of it
        cut = isinstance(target, Tensor) and (picked or target.op == "label")  # not all rows at once
        if not found and base is not None and by_class(base) and cut and isinstance(target, Tensor):
            picks = [one.place for one in sources(target) if one.op == "arange" and one is not bare(base)]
            place = loaders[0].place if loaders else picks[0] if picks else target.place
            text = "the labels lie class by class, and nothing mixes the rows before training"
            found.append(finding("unshuffled-training", "warn", str(place), text, 0.9))
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


def _whole(data: Value) -> list[Instance]:
    """The data sets of the script's own classes that a part is taken from."""
    for _ in range(8):
        if not isinstance(data, Made) or data.name not in ("Subset", "random_split") or not data.args:
            break
        data = data.args[0]
    return [one for one in options_of(data) if isinstance(one, Instance)]


RANDOM = ("Random", "ColorJitter", "AutoAugment", "TrivialAugment", "AugMix")


def _partner(event: Event) -> bool:
    """Whether a batch's examples are put together of rows that are drawn: pairs, and no augmentation."""
    columns = [of_ for arg in event.args[1:] for one in ancestors(arg) if (of_ := of(one)) is not None]
    indices = [one.options.get("index") for column in columns for one in sources(column) if one.op == "getitem"]
    return any(isinstance(one, Tensor) and any(deep.op in DRAWS for deep in sources(one)) for one in indices)


def _made_anew(data: Value, event: Event) -> bool:
    """Whether examples are not picked by their number, or what is drawn depends on nothing but this number."""
    reader = data.cls.member("__getitem__") if isinstance(data, Instance) else None
    if not isinstance(data, Instance) or not isinstance(reader, Function) or len(reader.node.args.args) < 2:
        return True
    held = [v for one in data.attributes.values() for v in options_of(one)]
    own = [one for one in (*event.args, *event.options.values()) if _generator(one) and one not in held]
    index = reader.node.args.args[1].arg
    names = [one for one in ast.walk(reader.node) if isinstance(one, ast.Name) and one.id == index]
    return bool(own) or not any(isinstance(one.ctx, ast.Load) for one in names)


@decides("augmented-validation")
def augmented_validation(script: Script) -> Verdict:
    """An evaluated part of a random_split or Subset whose data set has random transforms."""
    evaluated = [loader for e in script.evaluations for loader in script_inputs(e)]
    seen = [one.args[0] for one in evaluated if one.args and list(_transforms(one.args[0]))]
    own = [one for loader in evaluated if loader.args for one in _whole(loader.args[0])]
    if not seen and not own:
        return None
    taught = [one for loader in learning_loaders(script) if loader.args for one in _whole(loader.args[0])]
    draws_ = script.trace.of("draw")
    partners = any(map(_partner, script.evaluations))
    for event in draws_:
        used = next((loader for loader in evaluated if loader.args and event.subject in _whole(loader.args[0])), None)
        if (
            event.sure
            and used is not None
            and not partners
            and id(event.subject) not in script.changed
            and not _made_anew(event.subject, event)
            and any(one is event.subject for one in taught)
            and isinstance(used.args[0], Made)
        ):
            text = f"both parts share one data set, which changes each example at random at line {event.place.line}"
            return [finding("augmented-validation", "fail", str(used.args[0].place), text)]
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
    usual = {_way_of(e) for e in script.passes} & {_way_of(e) for e in script.evaluations}  # others are trials
    for event in script.evaluations if not usual - {None} else ():
        if said := _other_way(script, event):
            found.append(finding("split-preprocessing-mismatch", "warn", str(said[0]), said[1], 0.9))
    ways = {_scaled(e) for e in script.passes}
    ways |= {-1.0 for e in script.evaluations if script_inputs(e) and _scaled(e) is None}  # evaluated as trained, too
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


def _way_of(event: Event) -> tuple[int, tuple[str, ...]] | None:
    """What a model gets was made of, and by which steps."""
    if len(event.args) < 2:
        return None
    base, steps = way(event.args[1])
    return id(base), tuple(step.what for step in steps)


def _other_way(script: Script, event: Event) -> tuple[Place, str] | None:
    """Where an evaluation's rows of the same data were not scaled as the training rows were."""
    if len(event.args) < 2:
        return None
    mine = way(event.args[1])
    theirs = [way(e.args[1]) for e in script.passes if len(e.args) > 1]
    if not mine or not theirs or any(base is not mine[0] for base, _ in theirs) or not isinstance(mine[0], Tensor):
        return None
    words = {tuple(step.what for step in steps) for _, steps in theirs}
    here = tuple(step.what for step in mine[1])
    if len(words) > 1 or here in words:
        return None
    there = words.pop()
    alike = 0
    while alike < min(len(here), len(there)) and here[alike] == there[alike]:
        alike += 1
    if bool(here[alike:]) == bool(there[alike:]):
        return None
    if here[alike:]:
        extra = list(mine[1])[alike]
        return extra.made.place, f"what is evaluated goes through {', '.join(here[alike:])}, the training rows do not"
    picked = [one for one in sources(event.args[1]) if one.op == "getitem" and one.parents]
    first = next((one.place for one in reversed(picked) if bare(one.parents[0]) is mine[0]), event.place)
    return first, f"the training rows go through {', '.join(there[alike:])}, the evaluated rows of the same data do not"


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
    """Bytes that go into the first layer as they are, or that are divided by 255 twice."""
    seen = [(e, loader) for e in script.passes for loader in script_inputs(e) if loader.args]
    known = [(e, loader) for e, loader in seen if any(one.name == "ToTensor" for one in _transforms(loader.args[0]))]
    firsts = [
        one for e in script.losses for one in ancestors(e.args[0])
        if one.op == "linear" and one.parents and not any(deeper.op == "linear" for deeper in ancestors(one.parents[0]))
    ]  # fmt: skip
    told = [(one, ends) for one in firsts if (ends := span(one.parents[0])) is not None]
    if not known and not firsts:
        return None
    found = [
        finding(
            "input-scale",
            "fail",
            str(e.place),
            "ToTensor has divided the images by 255, and they are divided by 255 again",
        )
        for e, _ in known
        if _scaled(e) in (255, 256)
    ]
    for one in firsts:
        halves = list(_divisions(one.parents[0]))
        if len(halves) > 1:
            text = f"the images are divided by 255 here and at line {halves[-1].place.line}"
            found.append(finding("input-scale", "fail", str(halves[0].place), text))
    for one, ends in told:
        if ends[1] >= 100 and ends[0] >= 0:
            made = [leaf.place for leaf in sources(one.parents[0]) if leaf.op in ("float", "astype", "tensor", "to")]
            text = f"numbers from {ends[0]:g} to {ends[1]:g} go into the first layer at line {one.place.line}"
            found.append(finding("input-scale", "warn", str(made[0] if made else one.place), text, 0.9))
    return found[:1]


KEEPS_PIXELS = frozenset(("div", "sub", "mult", "add", "getitem", "part", "row", "stack", "avg_pool2d")) | frozenset(
    ("view", "reshape", "unsqueeze", "squeeze", "flatten", "permute")
)


def _divisions(value: Value) -> Iterator[Tensor]:
    """Divisions by 255 on the way from the data."""
    for _ in range(100):
        value = bare(value)
        if not isinstance(value, Tensor) or not value.parents:
            return
        if value.op in ("div", "div_") and count(operand(value, 1)) in (255.0, 256.0):
            yield value
        if value.op not in KEEPS_PIXELS:
            return
        value = value.parents[0]


@decides("split-leakage")
def split_leakage(script: Script) -> Verdict:
    """Rows that are trained on and evaluated: slices that overlap, copies made before the split."""
    taught = [e.args[1] for e in script.passes if len(e.args) > 1]
    judged = [(e, e.args[1]) for e in script.evaluations if len(e.args) > 1]
    loaders = [(e, loader) for e in script.evaluations for loader in script_inputs(e) if loader.args]
    if not taught or not judged:
        return None
    found: list[Finding] = []
    both = [(loader, _in_both(script, event, loader)) for event, loader in loaders]
    for loader, many in both if all(many for _, many in both) else ():
        evidence = f"{many:g} indices are in the training part and in the evaluated one"
        found.append(finding("split-leakage", "fail", str(loader.place), evidence))
    clean = [x for e, x in judged if not any(shared(x, one) for one in _taught_to(script, e))]
    for event, x in judged:
        same = [one for one in _taught_to(script, event) if shared(x, one)]
        if same and not clean:
            picked = [one.place for one in sources(x) if one.op == "getitem"]
            text = "rows of the training slice are in the evaluated one too"
            found.append(finding("split-leakage", "fail", str(picked[0] if picked else event.place), text))
        if (place := _copied_first(x, taught)) is not None:
            text = "rows are copied first, and split at random after: the same rows are on both sides"
            found.append(finding("split-leakage", "warn", str(place), text, 0.9))
        if (drawn := _drawn_again(x, taught)) is not None:
            text = "rows are drawn with replacement and then split: the same rows are on both sides"
            found.append(finding("split-leakage", "warn", str(drawn.place), text, 0.95))
        base = chosen(x).base
        joined = base.parents if isinstance(base, Tensor) and base.op in ("cat", "concatenate", "vstack") else ()
        mixed = any(
            shared(part, one) or (_plain_rows(part) and chosen(part).base is chosen(one).base and _all_rows(one))
            for part in _flat(joined)
            for one in taught
            if chosen(one).base is not base
        )
        if mixed and isinstance(base, Tensor):
            text = "the evaluated part is put together with rows of the training data"
            found.append(finding("split-leakage", "fail", str(base.place), text))
    return found[:1]


def _taught_to(script: Script, judged: Event) -> list[Value]:
    """All that the model was trained on that is evaluated here."""
    return [e.args[1] for e in script.passes if len(e.args) > 1 and e.subject is judged.subject]


def _in_both(script: Script, event: Event, loader: Made) -> float:
    """How many indices of an evaluated part are in a training part of the same data, for the same model."""
    passes = [e for e in script.passes if e.subject is event.subject]
    learned = [one.args[0] for e in passes for one in script_inputs(e) if one.args]
    mine, most = loader.args[0], 0.0
    for data in learned:
        one, other = _range(data), _range(mine)
        if not isinstance(data, Made) or not isinstance(mine, Made) or not one or not other:
            continue
        if data is not mine and data.args[0] is mine.args[0] and one != other:
            most = max(most, min(one[1], other[1]) - max(one[0], other[0]))
    return most


def _plain_rows(part: Value) -> bool:
    """Whether it is all rows of something, or a slice of them that is written down."""
    return all(isinstance(one, Slice) and bounds(one) is not None for one in chosen(part).picks)


def _all_rows(batch: Value) -> bool:
    """Whether batches are cut from an order of all rows."""
    made = [inner for one in chosen(batch).picks for inner in sources(one)]
    cut = [one.options.get("index") for one in made if one.op == "getitem"]
    part = any(isinstance(one, Slice) and bounds(one) is not None for one in cut)
    return any(one.op in RANDOM_ORDER for one in made) and not part


def _flat(values: tuple[Value, ...]) -> list[Value]:
    return [inner for one in values for inner in (one.items if isinstance(one, Items) else [one])]


def _drawn_again(x: Value, taught: list[Value]) -> Tensor | None:
    """Draws with replacement of which one slice is trained on and another one evaluated."""

    def cut(value: Value) -> dict[int, Tensor]:
        slices = [one for pick in chosen(value).picks for one in sources(pick)
                  if one.op == "getitem" and isinstance(one.options.get("index"), Slice)]  # fmt: skip
        drawn = [one.parents[0] for one in slices]
        return {id(one): one for one in drawn if isinstance(one, Tensor) and one.op == "choice" and _replaces(one)}

    mine = cut(x)
    return next((one for other in taught for key, one in cut(other).items() if key in mine), None)


def _replaces(draw: Tensor) -> bool:
    told = draw.options.get("replace")
    told = told or (inner[2] if len(inner := parts(draw)) > 2 else None)
    return told is None or (isinstance(told, Known) and bool(told.value))


def _copied_first(x: Value, taught: list[Value]) -> Place | None:
    """Where rows were copied before a random split gave some to training and some to evaluation."""
    mine = chosen(x)
    for one in taught:
        theirs = chosen(one)
        if theirs.base is not mine.base:
            continue
        for at, pick in enumerate(mine.picks[:-1]):
            if at >= len(theirs.picks) - 1 or theirs.picks[at] is not pick:
                break
            copies = [inner for inner in sources(pick) if inner.op in ("repeat", "tile", "repeat_interleave")]
            apart = theirs.picks[at + 1] is not mine.picks[at + 1]
            later = mine.picks[at + 1]
            if copies and apart and mixes(later):
                return later.place if isinstance(later, Tensor) else copies[0].place
        base = mine.base
        doubled = isinstance(base, Tensor) and base.op in ("cat", "concatenate", "vstack", "concat", "repeat")
        if (
            doubled
            and isinstance(base, Tensor)
            and mine.picks
            and theirs.picks
            and mine.picks[0] is not theirs.picks[0]
        ):
            several = [part for part in _flat(base.parents) if isinstance(part, Tensor)]
            origins = [chosen(part).base for part in several]
            twice = any(
                origin is one_ for i, origin in enumerate(origins) for j, part_ in enumerate(several) if i != j
                for one_ in sources(part_)
            ) and not any(chosen(part).picks for part in several)  # fmt: skip
            if (twice or (base.op == "repeat" and _more_rows(base))) and mixes(mine.picks[0]):
                return base.place
    return None


def _more_rows(repeated: Tensor) -> bool:
    """Whether `repeat` copies rows, and not only along other axes."""
    times = repeated.parents[1] if len(repeated.parents) > 1 else repeated.options.get("repeats")
    first = times.items[0] if isinstance(times, Items) and times.items else times
    return number(first) != 1


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
    if not divisions and not axes and not script.trace.of("compared"):
        return None
    outputs = frozenset(id(option) for e in script.trace.of("pass") for option in options_of(e.args[0]))
    found: list[Finding] = []
    for event in axes:
        made = event.subject
        dim = number(made.options.get("dim")) if isinstance(made, Tensor) else None
        scores = event.args[0] if event.args else None
        single = any(one.op == "row" or _one_item(one) for one in ancestors(scores or Value()))
        if dim == 0 and scores is not None and not single and _scores(scores, outputs | script.last_layers):
            evidence = "argmax has dim=0: it looks for the largest output over the examples, not over the classes"
            found.append(finding("wrong-accuracy", "fail", str(event.place), evidence))
    for event in divisions:
        if (said := _divided(event)) and not _while_training(script, event.args[0]):
            level, text, sure = said
            below = event.args[1]
            place = below.place if isinstance(below, Tensor) and below.op == "tally" else event.place
            found.append(finding("wrong-accuracy", "fail" if level else "warn", str(place), text, sure))
    averaged = {id(one) for e in script.trace.of("compared") for one in ancestors(e.subject) if one.op == "all"}
    for event in script.trace.of("compared"):
        parts = event.subject.parents if isinstance(event.subject, Tensor) else ()
        hot = [one for one in parts if one_hot(one)]
        hard = [one for one in parts if ends_in(one, "compare", "round", "gt", "ge")]
        if (
            len(parts) == 2
            and _crossed(shape(parts[0]), shape(parts[1]))
            and _answers(*parts) != _answers(*parts[::-1])
        ):
            text = "a column is compared with a row: every answer with every label"
            found.append(finding("wrong-accuracy", "fail", str(event.place), text, 0.95))
        if hot and hard and id(event.subject) not in averaged and ".all(" not in "".join(script.trace.lines):
            text = "each unit of one-hot rows counts as an answer: most are 0, and 0 is right for them"
            found.append(finding("wrong-accuracy", "warn", str(event.place), text, 0.9))
    return found[:1]


def _one_item(one: Tensor) -> bool:
    """Whether one row of something is taken."""
    index = one.options.get("index") if one.op == "getitem" else None
    return isinstance(index, Known) and isinstance(index.value, int)


def _answers(one: Value, labels_: Value) -> bool:
    """Whether one side was made by a model, and the other are labels: neither a count nor made by it."""
    made = ("linear", "predict")
    inner = bare(labels_)
    counted = isinstance(inner, Tensor) and inner.op in ("arange", "range")
    sides = [any(deep.op in made for deep in ancestors(side)) for side in (one, labels_)]
    return sides == [True, False] and not counted


def _crossed(one: Shape | None, other: Shape | None) -> bool:
    """Whether one has a column's shape and the other a row's, so that they make a square."""
    if one is None or other is None or len(one) == len(other):
        return False
    row, column = sorted((one, other), key=len)
    return len(row) == 1 and len(column) == 2 and column[1] == 1 and row[0] != 1


def _scores(value: Value, made: frozenset[int]) -> bool:
    """Whether it is the scores that a model or its last layer made, a row an example, in some way of writing."""
    if isinstance(value, Either | Items):
        return any(_scores(one, made) for one in (value.options if isinstance(value, Either) else value.items))
    if id(value) in made or not isinstance(value, Tensor) or not value.parents:
        return id(value) in made
    if value.op == "linear":
        return value.maker is None or id(value.maker) in made
    if value.op in ("cat", "concatenate", "vstack") and number(value.options.get("dim", Known(0))) == 0:
        return any(_scores(one, made) for one in value.parents)
    return value.op in {"softmax", "sigmoid", "numpy", "detach", "data", *SAME_SHAPE} and _scores(
        value.parents[0], made
    )


def _since_compared(value: Value) -> Iterator[Tensor]:
    """What was made of comparisons, back to these."""
    todo, seen = [value], set[int]()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Either | Items):
            todo += one.options if isinstance(one, Either) else one.items
        elif isinstance(one, Tensor):
            yield one
            todo += one.parents if one.op not in ("eq", "loss") else ()


def _while_training(script: Script, answers: Value) -> bool:
    """Whether what is compared is what the model said while it learned: it shows how training goes on."""
    compared = [one for one in ancestors(answers) if one.op == "eq"]
    return bool(compared) and all(any(id(deep) in script.taught for deep in ancestors(one)) for one in compared)


def _divided(event: Event) -> tuple[bool, str, float] | None:
    """What is wrong with a division of right answers."""
    above, below = event.args
    made = [one.op for one in _since_compared(above)]
    if "eq" not in made or "loss" in made:
        return None
    listed = isinstance(below, Tensor) and below.op == "len" and isinstance(below.parents[0], Items)
    if "add" not in made and not listed:
        return None
    if _batches(below) or listed or (isinstance(below, Tensor) and below.op == "tally"):
        if "mean" in made and not _by_count(above) and not _same_rows(above) and _even(above) is False:
            text = "the mean of the batches' means: the last batch is smaller, and counts as much as the others"
            return False, text, 0.95
        if "sum" in made and "mean" not in made and "div" not in made and _batches(below) and _several(below):
            return True, "right answers are divided by the number of batches", 1.0
    if (
        isinstance(below, Tensor)
        and below.op == "mult"
        and any(_batches(one) for one in below.parents)
        and not _even(above)
    ):
        return False, "right answers are divided by batches times batch size; the last batch may be smaller", 0.9
    step = count(below.parents[1]) if isinstance(below, Tensor) and below.op == "tally" else None
    if step is not None and "sum" in made and "mean" not in made and (even := _even(above)) is not None:
        if step == 1 and not any(_one_at_a_time(one) for one in _loaders(above)):
            return True, "right answers are divided by the number of batches", 1.0
        if step > 1 and not even:
            return False, f"each batch counts as {step:g} examples; the last one is smaller", 0.9
    return None


def _loaders(value: Value) -> list[Value]:
    """What the batches come from that it was reckoned from."""
    return [one.parents[0] for one in sources(value) if one.op in ("input", "label") and one.parents]


def _one_at_a_time(loader: Value) -> bool:
    """Whether a loader's batches may have one example each: there are as many of them as examples."""
    size = batch_size(loader) if isinstance(loader, Made) and loader.kind == "loader" else None
    return size is None or size <= 1


def _several(length: Value) -> bool:
    """Whether it surely is another number than that of the examples."""
    over = length.parents[0] if isinstance(length, Tensor) else None
    if isinstance(over, Instance) and isinstance(length, Tensor):
        return any(one.op in ("div", "floordiv", "ceil") for told in length.parents[1:] for one in ancestors(told))
    return over is not None and not _one_at_a_time(over)


def _even(value: Value) -> bool | None:
    """Whether the batches that it was reckoned from are surely of one size; None where that cannot be told."""
    loaders = _loaders(value)
    found: bool | None = None
    for loader in loaders:
        if not isinstance(loader, Made) or loader.kind != "loader" or not loader.args:
            return None
        dropped = loader.options.get("drop_last")
        size = batch_size(loader)
        many = rows(loader.args[0])
        told = loader.options.get("batch_size")
        if isinstance(told, Tensor) and told.op == "len" and told.parents[0] is loader.args[0]:
            found = True  # all at once
            continue
        if many is None or not size:
            return None
        found = many % size == 0 or (isinstance(dropped, Known) and bool(dropped.value))
    return found


def _same_rows(value: Value) -> bool:
    """Whether all answers in it are compared with the same labels: those of several models, and no batches."""
    compared = [one for one in ancestors(value) if one.op == "eq"]
    if any(one.op in ("label", "input") for made in compared for one in ancestors(made)):
        return False
    each = [{(id(rows.base), *map(id, rows.picks)) for rows in map(chosen, one.parents)} for one in compared]
    return len(each) > 1 and bool(set[tuple[int, ...]].intersection(*each))


def _by_count(value: Value) -> bool:
    """Whether a mean is multiplied by anything but a plain number on the way."""
    return any(
        one.op == "mult" and not any(number(part) is not None for part in one.parents) for one in ancestors(value)
    )


def _batches(value: Value) -> bool:
    """Whether it is len(loader), of torch's or of a class that goes through batches itself."""
    if not isinstance(value, Tensor) or value.op != "len" or not value.parents:
        return False
    over = value.parents[0]
    own = (
        isinstance(over, Instance)
        and over.cls.member("__iter__") is not None
        and over.cls.member("__getitem__") is None
    )
    return own or any(isinstance(one, Made) and one.kind == "loader" for one in value.parents)


def _pairs(script: Script) -> Iterator[tuple[Event, Value, Value]]:
    """Losses of the training, with the inputs and the targets that they are of."""
    for call in script.losses:
        made = {id(one) for one in ancestors(call.args[0])}
        for event in script.passes:
            if len(call.args) > 1 and len(event.args) > 1 and any(id(one) in made for one in options_of(event.args[0])):
                yield call, event.args[1], call.args[1]
                break


@decides("labels-misaligned")
def labels_misaligned(script: Script) -> Verdict:
    """Inputs and labels are put into different orders, or only one of them is."""
    pairs = list(_pairs(script))
    if not pairs:
        return None
    stirred = {id(e.subject): e for e in script.trace.of("shuffled")}
    for call, x, y in pairs:
        x, y = options_of(x)[0], options_of(y)[0]
        mine, theirs = draws(x), draws(y)
        bases = chosen(x).base, chosen(y).base
        made_of = {id(one) for base in bases for one in sources(base)}
        made_of |= {id(one) for one in sources(call.args[0])} - mine.keys()  # rows picked behind the first model
        only = [
            one
            for key, one in [*mine.items(), *theirs.items()]
            if (key in mine) != (key in theirs) and key not in made_of
        ]
        orders = [one for one in only if one.op in RANDOM_ORDER and not _seeded_alike(one, only)]
        if (
            orders
            and not _set_back(script, orders, mine)
            and all(isinstance(base, Tensor) and closed(base) for base in bases)
        ):
            text = (
                f"the order at line {orders[0].place.line} is that of the "
                f"{'inputs' if id(orders[0]) in mine else 'labels'} alone, in the loss at line {call.place.line}"
            )
            return [finding("labels-misaligned", "fail", str(orders[0].place), text)]
        mixed = [
            [e for one in sources(value) if (e := stirred.get(id(one))) and one.op not in ("arange", "range")]
            for value in (x, y)
        ]
        if len(mixed[0]) != len(mixed[1]) and not (mixed[0] and mixed[1]):
            event = (mixed[0] or mixed[1])[0]
            text = "the rows are shuffled in place, those of the other side are not"
            return [finding("labels-misaligned", "fail", str(event.place), text)]
        if len(mixed[0]) == len(mixed[1]) == 1 and _one_after_the_other(script, mixed[0][0], mixed[1][0]):
            text = f"inputs are shuffled in place at line {mixed[0][0].place.line}, labels apart from them, anew"
            return [finding("labels-misaligned", "fail", str(mixed[1][0].place), text)]
    return []


RESTORING = frozenset({"set_state", "setstate", "set_rng_state"})


def _one_after_the_other(script: Script, one: Event, other: Event) -> bool:
    """Whether two shuffles go on with one stream of random numbers: nothing is seeded or set back for the second."""
    begin, end = sorted((one.place.line, other.place.line))
    seeds = script.trace.of("seed")
    again = any(begin < e.place.line <= end for e in seeds) or sum(e.name == "generator" for e in seeds) > 1
    return begin < end and not again and not script.trace.loads & RESTORING


def _set_back(script: Script, orders: list[Tensor], mine: dict[int, Tensor]) -> bool:
    """Whether both sides are put into orders of their own, from one state of the generator."""
    both = len({id(one) in mine for one in orders}) == 2
    states = script.trace.loads & RESTORING
    return both and (bool(states) or len([e for e in script.trace.of("seed") if e.name != "generator"]) > 1)


def _seeded_alike(one: Tensor, others: list[Tensor]) -> bool:
    """Whether another order comes from a generator of its own with the same seed."""

    def seed(order: Tensor) -> object:
        first = order.parents[0] if order.parents else None
        if "seed" in order.options:
            return number(order.options["seed"])
        return number(operand(first, 0)) if isinstance(first, Tensor) and first.op in GENERATORS else None

    told = seed(one)
    return told is not None and any(seed(other) == told for other in others if other is not one)


@decides("label-noise")
def label_noise(script: Script) -> Verdict:
    """Labels of the training set at random places are replaced by random ones."""
    sets = script.trace.of("set")
    if not sets or not script.losses:
        return None
    wanted = [e.args[1] for e in script.losses if len(e.args) > 1]
    for event in sets:
        base = chosen(event.args[1]).base
        drawn = (
            isinstance(base, Tensor) and base.op in ("randint", "integers") and base is not chosen(event.subject).base
        )
        if drawn and labels(event.subject) and any(id(event.subject) in _still(target, event) for target in wanted):
            return [
                finding("label-noise", "warn", str(event.place), "some of the labels are replaced by random ones", 0.9)
            ]
    return []


def _still(target: Value, event: Event) -> set[int]:
    """What labels are made of, without what they were copied from before something was set in it."""
    made = list(sources(target))
    copied = [one for one in made if one.op in ("clone", "copy", "deepcopy") and one.place.line < event.place.line]
    return {id(one) for one in made} - {id(deep) for one in copied for part in one.parents for deep in sources(part)}


@decides("degenerate-data")
def degenerate_data(script: Script) -> Verdict:
    """Labels that are all made 0, inputs that are made no numbers, digits that are turned or mirrored."""
    if not script.losses or not script.passes:
        return None
    found: list[Finding] = []
    for call, x, y in _pairs(script):
        for one in sources(y):
            if one.op == "mult" and any(number(part) == 0 for part in one.parents) and labels(y) is None:
                found.append(
                    finding(
                        "degenerate-data", "fail", str(one.place), "the labels are multiplied by 0: one class is left"
                    )
                )
            alone = len([e for e in script.losses if e.name == call.name]) == 1
            like = one.parents[0] if one.op in ("zeros_like", "ones_like") and one.parents and alone else Value()
            known = labels(like) is not None or any(leaf.op == "label" for leaf in ancestors(like))
            if known and chosen(y).base is one and call.name == "cross_entropy":
                found.append(
                    finding("degenerate-data", "fail", str(one.place), f"{one.op} of the labels: one class is left")
                )
        inputs = {id(one) for one in sources(x)}
        for event in script.trace.of("set"):
            value = event.args[1]
            if script.trace.loads & FILLS_GAPS:
                continue
            if id(event.subject) in inputs and isinstance(value, Tensor | Known | Library) and _no_number(value):
                found.append(finding("degenerate-data", "fail", str(event.place), "inputs are set to no number (nan)"))
        digits = any(_named(one) in ("load_digits", "MNIST") for one in sources(y))
        judged = {one.op for e in script.evaluations for arg in e.args[1:] for one in sources(arg)}  # all are turned
        turned = [one for one in sources(x) if one.op in ("rot90", "flip", "fliplr", "flipud", "hflip", "vflip")]
        if digits and turned and turned[0].op not in judged:
            text = f"digits go through {turned[0].op}: a 6 becomes a 9, a 2 no digit at all"
            found.append(finding("degenerate-data", "warn", str(turned[0].place), text, 0.85))
    return found[:1]


FILLS_GAPS = frozenset({"isnan", "nan_to_num", "nanmean", "nanmedian", "nansum", "isfinite", "SimpleImputer", "fillna"})


def _no_number(value: Value) -> bool:
    if isinstance(value, Library):
        return value.name in ("numpy.nan", "math.nan", "torch.nan")
    told = value.value if isinstance(value, Known) else None
    if isinstance(value, Tensor) and value.op == "float" and value.parents and isinstance(value.parents[0], Known):
        told = value.parents[0].value
    return told == "nan" or (isinstance(told, float) and told != told)


def _named(one: Tensor) -> str:
    return str(getattr(one.options.get("name"), "value", ""))


@decides("class-map-mismatch")
def class_map_mismatch(script: Script) -> Verdict:
    """An encoder of labels is fitted again for what is evaluated, or only the judged labels are renamed."""
    encoded = [(e, one) for e in script.trace.of("compared") for one in sources(e.subject) if _encodes(one)]
    pairs = list(_pairs(script))
    if not pairs or not script.evaluations:
        return None
    taught = [one for _, _, y in pairs for one in sources(y) if _encodes(one)]
    for _, one in encoded:
        if _fits(one) and any(other is not one and _fits(other) for other in taught):
            text = "the encoder is fitted anew for what is evaluated: its numbers may stand for other classes"
            return [finding("class-map-mismatch", "warn", str(one.place), text, 0.85)]
    for event, part in _judged_by_table(script):
        others = [y for _, _, y in pairs] + [
            o for one in ancestors(event.subject) for o in one.parents if o is not part
        ]
        if not any(map(_renames, others)):
            text = "labels that answers are compared with go through a table of numbers; those of the training do not"
            place = event.stack[-1] if event.stack else event.place
            return [finding("class-map-mismatch", "warn", str(place), text, 0.85)]
    return []


def _judged_by_table(script: Script) -> Iterator[tuple[Event, Value]]:
    """Comparisons of answers with labels that are looked up in a table of numbers, and these labels."""
    for event in script.trace.of("compared"):
        parts = event.subject.parents if isinstance(event.subject, Tensor) else ()
        yield from ((event, part) for part in parts if _renames(part))


def _fits(one: Tensor) -> bool:
    """Whether it numbers the classes that it sees, whatever others do."""
    return one.op in ("part", "getitem") or bool(one.options.get("fit"))


def _encodes(one: Tensor) -> bool:
    base = one.parents[0] if one.parents else None
    if one.op in ("part", "getitem") and isinstance(base, Tensor) and base.op == "unique":
        return number(one.options.get("index")) == 1 and "return_inverse" in base.options
    return one.op == "scaled" and isinstance(one.maker, Made) and one.maker.name in ("LabelEncoder", "OrdinalEncoder")


def _renames(value: Value) -> bool:
    """Whether it is looked up in a table of whole numbers, each once."""
    inner = bare(value)
    if not isinstance(inner, Tensor) or inner.op != "getitem" or not inner.parents:
        return False
    table, index = bare(inner.parents[0]), inner.options.get("index")
    numbers = [number(one) for one in table.items] if isinstance(table, Items) else []
    return len(numbers) > 1 and None not in numbers and len(set(numbers)) == len(numbers) and isinstance(index, Tensor)


@decides("repeated-worker-rng")
def repeated_worker_rng(script: Script) -> Verdict:
    """Workers draw from a generator that each of them has a copy of, in the same state."""
    loaders = [
        one for one in learning_loaders(script) if (count(one.options.get("num_workers")) or 0) >= 2 and one.args
    ]
    if not loaders:
        return None
    for loader in loaders:
        for data in _whole(loader.args[0]):
            held = [v for v in data.attributes.values() for v in options_of(v) if _generator(v)]
            drawn = [
                e
                for e in script.trace.of("draw")
                if e.subject is data and any(one in held for one in (*e.args, *e.options.values()))
            ]
            begin = loader.options.get("worker_init_fn")
            if drawn and (begin is None or (isinstance(begin, Function) and not _tells_workers_apart(begin))):
                where = begin.node.lineno if isinstance(begin, Function) else None
                last = (
                    begin.node.body[-1].lineno
                    if isinstance(begin, Function) and isinstance(begin.node, ast.FunctionDef)
                    else where
                )
                place = Place(loader.place.path, last) if last else loader.place
                text = (
                    f"line {drawn[0].place.line} draws from the data set's generator, of which each worker has a copy"
                )
                return [finding("repeated-worker-rng", "fail", str(place), text)]
    return []


def _generator(value: Value) -> bool:
    if isinstance(value, Tensor) and value.op == "manual_seed" and value.parents:
        return _generator(value.parents[0])
    return (isinstance(value, Tensor) and value.op in GENERATORS) or (
        isinstance(value, Made) and value.kind == "generator"
    )


def _tells_workers_apart(begin: Function) -> bool:
    """Whether a worker's start looks at its number, or at the seed that torch gave it."""
    names = {one.arg for one in begin.node.args.args}
    return any(
        (isinstance(one, ast.Name) and one.id in names)
        or (
            isinstance(one, ast.Attribute) and one.attr in ("id", "seed") and isinstance(one.value, ast.Name | ast.Call)
        )
        or (isinstance(one, ast.Attribute) and one.attr == "initial_seed")
        for one in ast.walk(begin.node)
    )


@decides("partial-load")
def partial_load(script: Script) -> Verdict:
    """A state is loaded with strict=False into a model none of whose names it has."""
    loads = [e for e in script.trace.of("loaded") if e.args and isinstance(e.subject, Module)]
    if not loads:
        return None
    for event in loads:
        strict = event.options.get("strict")
        have, wanted = _names_of_state(event.args[0]), _names(event.subject)
        if isinstance(strict, Known) and strict.value is False and have and wanted and not have & wanted:
            text = f"strict=False, and the state has {_some(have)}, the model {_some(wanted)}: nothing is loaded"
            return [finding("partial-load", "fail", str(event.place), text)]
        missing = wanted - have
        extra = have - wanted
        loose = isinstance(strict, Known) and strict.value is False
        if loose and missing and extra and wanted & have and _same_width(missing, extra):
            text = f"strict=False: the model's {_some(missing)} is not in the state, which has {_some(extra)} instead"
            return [finding("partial-load", "warn", str(event.place), text, 0.8)]
    return []


def _same_width(missing: frozenset[str], extra: frozenset[str]) -> bool:
    """Whether what is missing may well be what is too much, under another name."""
    heads = ("head", "fc", "classifier", "out", "last", "decoder", "top", "final")
    return len(missing) == len(extra) and not any(name.startswith(heads) for name in (*missing, *extra))


def _some(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)[:3])


def _names(module: Value) -> frozenset[str]:
    """The first words of the names in a module's state."""
    if isinstance(module, Instance):
        return frozenset(name for name, one in module.attributes.items() if isinstance(one, Module) and weighted(one))
    named = module.args[0] if isinstance(module, Layer) and module.args else None
    if isinstance(named, Items) and named.kind == "dict":
        return frozenset(str(key.value) for key in named.keys if isinstance(key, Known))
    if isinstance(module, Layer) and module.kind == "Sequential":
        return frozenset(str(i) for i, one in enumerate(module.children) if weighted(one))
    return frozenset()


def _names_of_state(value: Value) -> frozenset[str]:
    """The first words of the names in a state, with a prefix that was put before them."""
    if isinstance(value, Made) and value.kind in ("state", "copied state") and value.args:
        return _names(value.args[0])
    if isinstance(value, Items) and value.kind == "dict" and value.keys:
        key = value.keys[0]
        if isinstance(key, Tensor) and key.op == "state key" and value.whole:
            return _names_of_state(key.parents[0])
        if isinstance(key, Tensor) and key.op == "add" and isinstance(key.parents[0], Known):
            return frozenset({str(key.parents[0].value).rstrip(".")})
    return frozenset()
