"""What the source tells of the numbers in a tensor: how many, in which shape, from where, of which classes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from fairtrial.doctor.static.values import (
    Either,
    Instance,
    Items,
    Known,
    Layer,
    Library,
    Made,
    Slice,
    Tensor,
    Value,
    number,
)

Shape = tuple[float | None, ...]  # None: a side that is not known
DEEPEST = 60
Told = TypeVar("Told")

# Other containers, types and places for the same numbers in the same order.
WRAPS = frozenset(
    [
        "tensor",
        "as_tensor",
        "from_numpy",
        "array",
        "asarray",
        "ascontiguousarray",
        "astype",
        "float",
        "double",
        "half",
        "long",
        "int",
        "to",
        "cuda",
        "cpu",
        "type",
        "clone",
        "copy",
        "detach",
        "numpy",
        "contiguous",
        "data",
        "type_as",
        "requires_grad_",
        "pin_memory",
        "bfloat16",
        "short",
        "byte",
        "bool",
        "copy_",
        "deepcopy",
        "FloatTensor",
        "LongTensor",
        "Tensor",
        "Variable",
        "nan_to_num",
        "float32",
        "int64",
    ]
)
ELEMENTWISE = frozenset(
    [
        "relu",
        "tanh",
        "sigmoid",
        "softmax",
        "log_softmax",
        "exp",
        "log",
        "sqrt",
        "abs",
        "neg",
        "dropout",
        "Dropout",
        "Dropout2d",
        "BatchNorm1d",
        "BatchNorm2d",
        "LayerNorm",
        "GroupNorm",
        "ReLU",
        "GELU",
        "gelu",
        "elu",
        "ELU",
        "leaky_relu",
        "LeakyReLU",
        "SiLU",
        "silu",
        "Mish",
        "SELU",
        "selu",
        "clamp",
        "clip",
        "round",
        "Identity",
        "scaled",
        "pow",
        "softplus",
        "Tanh",
        "normalize",
        "layer_norm",
        "batch_norm",
        "sign",
        "sin",
        "cos",
        "cumsum",
    ]
)
BINARY = frozenset({"add", "sub", "mult", "div", "floordiv", "mod", "compare", "eq", "where", "pow"})
REDUCES = frozenset({"mean", "sum", "std", "var", "min", "max", "amax", "amin", "median", "prod", "norm", "logsumexp"})
RANDOM_ORDER = frozenset({"randperm", "permutation"})
DRAWS = frozenset(
    [
        "randint", "integers", "choice", "choices", "sample", "rand", "randn", "normal", "random", "multinomial",
        "bernoulli", "randn_like", "rand_like", "uniform", "standard_normal", "beta",
    ]
)  # fmt: skip
GENERATORS = frozenset({"default_rng", "RandomState", "Generator", "SeedSequence"})
CLASSES = {
    "load_digits": 10, "load_iris": 3, "load_wine": 3, "load_breast_cancer": 2, "make_moons": 2, "make_circles": 2,
    "fetch_olivetti_faces": 40, "make_hastie_10_2": 2, "fetch_covtype": 7,
    "MNIST": 10, "FashionMNIST": 10, "KMNIST": 10, "CIFAR10": 10, "CIFAR100": 100, "STL10": 10, "SVHN": 10,
}  # fmt: skip
# Of scikit-learn's generators: the word that says how many classes, its place among the arguments, its default.
ASKED = {
    "make_classification": ("n_classes", 5, 2), "make_blobs": ("centers", 2, 3),
    "make_gaussian_quantiles": ("n_classes", 4, 3), "load_digits": ("n_class", 0, 10),
}  # fmt: skip
FIRST = {"fetch_covtype": 1}  # the least label, where it is not 0
SIZES = {"load_digits": (1797, 64), "load_iris": (150, 4), "load_wine": (178, 13), "load_breast_cancer": (569, 30)}
TORCHVISION = {"MNIST": (60000, 10000), "FashionMNIST": (60000, 10000), "KMNIST": (60000, 10000),
               "CIFAR10": (50000, 10000), "CIFAR100": (50000, 10000)}  # for training and for testing  # fmt: skip
PIXELS = {"load_digits": 16.0}  # the largest number in the images
SAMPLES = {"make_classification": 100, "make_blobs": 100, "make_moons": 100, "make_circles": 100,
           "make_gaussian_quantiles": 100}  # fmt: skip


def remembered(ask: Callable[[Any], Told | None]) -> Callable[[Value | None], Told | None]:
    """Asked once for a tensor: what a tensor is made of may be reached on very many ways."""
    known: WeakKeyDictionary[Value, Told | None] = WeakKeyDictionary()
    asking = 0

    def answer(value: Value | None) -> Told | None:
        nonlocal asking
        if not isinstance(value, Tensor):
            return ask(value)
        if value not in known and asking < DEEPEST:
            known[value] = None  # what is made of itself is not known
            asking += 1
            try:
                known[value] = ask(value)
            finally:
                asking -= 1
        return known.get(value)

    return answer


def parts(one: Tensor) -> tuple[Value, ...]:
    """An operation's operands, without the generator that it draws from."""
    first = one.parents[0] if one.parents else None
    drawn = (isinstance(first, Tensor) and first.op in GENERATORS) or (
        isinstance(first, Made) and first.kind == "generator"
    )
    return one.parents[1:] if drawn else one.parents


def operand(one: Tensor, at: int) -> Value | None:
    """An operation's operand of this number, if it has so many."""
    return one.parents[at] if len(one.parents) > at else None


def of(one: Tensor) -> Value | None:
    """What a batch's column is taken from."""
    return one.options.get("of") if one.op in ("input", "label") else None


def bare(value: Value) -> Value:
    """A value without the containers around it."""
    for _ in range(DEEPEST):
        if isinstance(value, Tensor) and value.op in WRAPS and value.parents:
            value = value.parents[0]
        elif isinstance(value, Tensor) and (base := of(value)) is not None:
            value = base
        else:
            break
    return value


# Numbers


@remembered
def count(value: Value | None) -> float | None:
    """The number that a value surely is: written, or reckoned from lengths and shapes."""
    plain = number(value)
    if plain is not None or not isinstance(value, Tensor):
        return plain
    inner = parts(value)
    if value.op == "len" and inner:
        return rows(inner[0])
    if value.op in ("int", "float", "round", "floor", "ceil") and len(inner) == 1:
        told = count(inner[0])
        how: dict[str, Callable[[float], float]] = {"int": math.trunc, "floor": math.floor, "ceil": math.ceil}
        return None if told is None else float(how.get(value.op, float)(told))
    if value.op in ("min", "max") and len(inner) > 1:
        told = [count(one) for one in inner]
        return None if None in told else (min if value.op == "min" else max)(x for x in told if x is not None)
    if value.op in ("add", "sub", "mult", "div", "floordiv", "mod") and len(inner) == 2:
        a, b = count(inner[0]), count(inner[1])
        return None if a is None or b is None else reckon(value.op, a, b)
    if value.op in ("getitem", "part") and inner and isinstance(inner[0], Tensor) and inner[0].op == "shape":
        sides, at = shape(inner[0].parents[0]), number(value.options.get("index"))
        return sides[int(at)] if sides and at is not None and -len(sides) <= at < len(sides) else None
    if value.op == "size" and len(inner) == 2:
        sides, at = shape(inner[0]), number(inner[1])
        return sides[int(at)] if sides and at is not None and -len(sides) <= at < len(sides) else None
    return None


def reckon(op: str, a: float, b: float) -> float | None:
    """A sum, difference, product, quotient or remainder."""
    if op in ("div", "floordiv", "mod") and b == 0:
        return None
    table: dict[str, Callable[[float, float], float]] = {
        "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mult": lambda x, y: x * y,
        "div": lambda x, y: x / y, "floordiv": lambda x, y: x // y, "mod": lambda x, y: x % y,
    }  # fmt: skip
    return table[op](a, b)


def length(over: Slice | Tensor, whole: float | None) -> float | None:
    """How many items a slice or a range has, of so many."""
    if isinstance(over, Slice) and isinstance(over.upper, Tensor) and over.upper.op == "add" and over.lower is not None:
        start, *more = over.upper.parents
        if start is over.lower and over.step is None and len(more) == 1 and (many := count(more[0])) is not None:
            return many if whole is None or many == 1 else None
    if isinstance(over, Slice):
        lower, upper, step = (None if one is None else count(one) for one in (over.lower, over.upper, over.step))
        if any(told is None and one is not None
               for told, one in zip((lower, upper, step), (over.lower, over.upper, over.step), strict=True)
        ):  # fmt: skip
            return None
        if lower is None and upper is not None and upper >= 0 and whole is None and step is None:
            return upper
        if whole is None and not (upper is not None and lower is not None and 0 <= lower <= upper):
            return None
        most = 10**12 if whole is None else int(whole)
        cut = slice(*(None if one is None else int(one) for one in (lower, upper, step)))
        return None if cut.step == 0 or most < 0 else float(len(range(*cut.indices(most))))
    bounds = [count(one) for one in over.parents]
    if not bounds or None in bounds or bounds[2:] == [0]:
        return None
    return float(len(range(*(int(one) for one in bounds if one is not None))))


def rows(value: Value) -> float | None:
    """How many examples there are in a tensor, a list or a data set."""
    if isinstance(value, Items):
        return float(len(value.items)) if value.whole and value.kind != "dict" else None
    if isinstance(value, Made) and value.kind == "dataset" and value.args:
        if value.name == "TensorDataset":
            return next((told for one in value.args if (told := rows(one)) is not None), None)
        if value.name == "Subset" and len(value.args) > 1:
            return rows(value.args[1])
        if value.name == "random_split":
            return count(value.options.get("length"))
        if value.name in TORCHVISION:
            train = value.options.get("train") or (value.args[1] if len(value.args) > 1 else Known(True))
            return float(TORCHVISION[value.name][not train.value]) if isinstance(train, Known) else None
    if isinstance(value, Tensor) and value.op == "range":
        return length(value, None)
    sides = shape(value)
    return sides[0] if sides else None


def batch_size(loader: Made) -> float | None:
    """How many examples a loader puts in a batch."""
    return count(loader.options.get("batch_size") or (loader.args[1] if len(loader.args) > 1 else Known(1)))


def turns(over: Value) -> float | None:
    """How many turns a loop makes over a range, a list or a loader."""
    if isinstance(over, Made) and over.kind == "iterator" and over.args:
        return turns(over.args[0])
    if isinstance(over, Made) and over.kind == "loader":
        many, each = rows(over.args[0]) if over.args else None, batch_size(over)
        return math.ceil(many / each) if many is not None and each else None
    return rows(over) if isinstance(over, Items) or (isinstance(over, Tensor) and over.op == "range") else None


# Shapes


def sides_of(values: Sequence[Value]) -> Shape:
    """A shape as it is written: numbers one by one, or in a tuple."""
    if len(values) == 1 and isinstance(values[0], Items):
        values = values[0].items
    first = values[0] if len(values) == 1 else None
    if isinstance(first, Tensor) and first.op == "shape" and first.parents:
        return shape(first.parents[0]) or ()
    return tuple(count(one) for one in values)


@remembered
def shape(value: Value) -> Shape | None:
    """The sides of a tensor; None where not even their number is known."""
    if isinstance(value, Either):
        found = {shape(one) for one in value.options}
        return found.pop() if len(found) == 1 else None
    if isinstance(value, Items) and value.kind != "dict" and value.items:
        if all(number(one) is not None for one in value.items):
            return (float(len(value.items)) if value.whole else None,)
        return None
    if not isinstance(value, Tensor):
        return None
    inner = parts(value)
    if (base := of(value)) is not None:
        sides = shape(base)
        return (None, *sides[1:]) if sides else None
    first = shape(inner[0]) if inner else None
    match value.op:
        case "randn" | "rand" | "zeros" | "ones" | "empty" | "standard_normal" | "random":
            size = value.options.get("size")
            return sides_of([size] if size else inner) if (size or inner) else None
        case "full" | "normal" | "randint" | "integers" | "uniform" | "choice":
            size = value.options.get("size")
            told = [one for one in ([size] if size else inner) if isinstance(one, Items) and one.kind == "tuple"]
            if told:
                return sides_of(told[-1:])
            return (count(size),) if size else (count(inner[2]),) if len(inner) == 3 else None
        case "arange" | "range":
            return (length(value, None),)
        case "randperm" | "permutation":
            return first if first else (count(inner[0]),) if inner and count(inner[0]) is not None else None
        case "dataset":
            return _of_dataset(value)
        case "getitem":
            return _picked(first, value.options.get("index"))
        case "linear":
            wide = out_width(value)
            if first and isinstance(value.maker, Layer) and "Conv" not in value.maker.kind:
                return (*first[:-1], wide)
            return (first[0], wide, *[None] * (len(first) - 2)) if first else None
        case "expand":
            return sides_of(inner[1:])
        case "repeat" if first is not None and len(times := sides_of(inner[1:])) == len(first):
            return tuple(None if a is None or b is None else a * b for a, b in zip(first, times, strict=True))
        case "view" | "reshape":
            return _reshaped(first, sides_of(inner[1:]))
        case "flatten" | "Flatten":
            return _flat(value, inner, first)
        case "unsqueeze":
            at = number(inner[1]) if len(inner) > 1 else None
            if first is None or at is None:
                return None
            at = int(at) + (len(first) + 1 if at < 0 else 0)
            return (*first[:at], 1.0, *first[at:])
        case "squeeze":
            at = number(inner[1]) if len(inner) > 1 else None
            if first is None or at is None or not -len(first) <= at < len(first):
                return None
            left = list(first)
            return (
                tuple(left)
                if left[int(at)] != 1 and left[int(at)] is not None
                else tuple(left[: int(at)] + left[int(at) + 1 :] if at != -1 else left[:-1])
            )
        case "permute":
            order = sides_of(inner[1:])
            if first is None or len(order) != len(first) or None in order:
                return None
            return tuple(first[int(at)] for at in order if at is not None)
        case "cat" | "concatenate" | "vstack" | "concat" | "hstack":
            each = [shape(one) for one in inner]
            if first is None or any(one is None or len(one) != len(first) for one in each) or "dim" in value.options:
                return None
            total = [one[0] for one in each if one]
            return (None if None in total else sum(one for one in total if one is not None), *first[1:])
        case op if op in REDUCES:
            return None
        case op if op in BINARY:
            return _broadcast([shape(one) for one in inner if number(one) is None and _sized(one)])
        case op if op in WRAPS or op in ELEMENTWISE:
            return first
        case "argmax":
            at = number(value.options.get("dim"))
            if first is None or at is None or not -len(first) <= at < len(first):
                return None
            return tuple(side for i, side in enumerate(first) if i != (int(at) % len(first)))
        case "matmult":
            other = shape(inner[1]) if len(inner) > 1 else None
            return (*first[:-1], other[-1]) if first and other else None
        case _:
            return None


def _sized(value: Value) -> bool:
    """Whether it may have rows: no mean, no deviation."""
    inner = bare(value)
    return not (isinstance(inner, Tensor) and inner.op in REDUCES)


def _broadcast(shapes: list[Shape | None]) -> Shape | None:
    known = [one for one in shapes if one is not None]
    if not known or len(known) < len(shapes):
        return None
    longest = max(known, key=len)
    sides: list[float | None] = []
    for i in range(1, len(longest) + 1):
        each = [one[-i] for one in known if len(one) >= i]
        several = {side for side in each if side != 1}
        sides.append(1.0 if not several else several.pop() if len(several) == 1 else None)
    return tuple(reversed(sides))


def _picked(sides: Shape | None, index: Value | None) -> Shape | None:
    """The shape of what an index picks."""
    if sides is None or index is None:
        return None
    each = index.items if isinstance(index, Items) and index.kind == "tuple" else [index]
    left: list[float | None] = []
    at = 0
    for one in each:
        if isinstance(one, Known) and one.value is None:
            left.append(1.0)
            continue
        if isinstance(one, Known) and one.value is Ellipsis:
            skipped = len(sides) - at - sum(not (isinstance(x, Known) and x.value in (None, Ellipsis)) for x in each)
            left += sides[at : at + max(0, skipped)]
            at += max(0, skipped)
            continue
        if at >= len(sides):
            return None
        if isinstance(one, Slice):
            left.append(length(one, sides[at]))
        elif isinstance(one, Tensor) and one.op == "split_rows":
            share, half, whole = count(one.options.get("share")), number(one.parents[0]), sides[at]
            if share is None or half is None or whole is None:
                left.append(None)
            else:
                test = float(math.ceil(share * whole)) if share < 1 else share
                left.append(test if half == 1 else whole - test)
        elif isinstance(one, Tensor | Items):
            size = shape(one)
            left += [None] if size is None or len(size) != 1 else [None if masks(one) else size[0]]
        elif not isinstance(one, Known):
            left.append(None)
        at += 1
    return (*left, *sides[at:])


def masks(index: Value) -> bool:
    """Whether an index is a truth for each row."""
    inner = bare(index)
    return isinstance(inner, Tensor) and inner.op in ("compare", "eq", "isin", "logical_and", "bool", "invert")


def _reshaped(sides: Shape | None, wanted: Shape) -> Shape | None:
    if not wanted:
        return None
    if -1 not in wanted:
        return wanted
    whole = None if sides is None or None in sides else math.prod(side for side in sides if side is not None)
    others = [side for side in wanted if side != -1]
    known = None if None in others else math.prod(side for side in others if side is not None)
    rest = whole / known if whole is not None and known else None
    return tuple(rest if side == -1 else side for side in wanted)


def _flat(value: Tensor, inner: Sequence[Value], sides: Shape | None) -> Shape | None:
    start = value.options.get("start_dim") or (inner[1] if len(inner) > 1 else None)
    at = number(start) if start is not None else (1.0 if value.op == "Flatten" else 0.0)
    if sides is None or at is None or not 0 <= at < len(sides):
        return (None, None) if at == 1 else (None,) if at == 0 else None
    rest = sides[int(at) :]
    return (*sides[: int(at)], None if None in rest else math.prod(side for side in rest if side is not None))


def out_width(made: Tensor) -> float | None:
    """Outputs of the layer that made a tensor."""
    layer = made.maker
    if not isinstance(layer, Layer):
        return None
    at = 2 if layer.kind == "Bilinear" else 0 if layer.kind.startswith("Lazy") else 1
    told = layer.options.get("out_features") or layer.options.get("out_channels")
    return count(told or (layer.args[at] if len(layer.args) > at else None))


def _asked(value: Tensor) -> float | None:
    """How many classes a data set of scikit-learn or torchvision has, as it was asked for."""
    name = str(getattr(value.options.get("name"), "value", ""))
    if name == "make_blobs" and isinstance(each := value.options.get("n_samples") or operand(value, 0), Items):
        return float(len(each.items)) if each.whole else None  # so many a class
    if name in ASKED:
        word, at, default = ASKED[name]
        told = value.options.get(word) or (value.parents[at] if len(value.parents) > at else Known(default))
        return float(len(told.items)) if isinstance(told, Items) and told.whole else count(told)
    return float(CLASSES[name]) if name in CLASSES else None


def _of_dataset(value: Tensor) -> Shape | None:
    name, column = (str(getattr(value.options.get(word), "value", "")) for word in ("name", "column"))
    size = SIZES.get(name)
    if name == "load_digits" and _asked(value) != 10:
        size = None
    if name in SAMPLES:
        told = value.options.get("n_samples") or (value.parents[0] if value.parents else Known(SAMPLES[name]))
        n = None if isinstance(told, Items) else count(told)
    else:
        n = None if size is None else float(size[0])
    if column == "target":
        return (n,)
    if column == "images":
        return (n, 8.0, 8.0) if name == "load_digits" else None
    return (n, None if size is None else float(size[1]))


# Classes


@dataclass(frozen=True)
class Labels:
    """Whole numbers from `low` on, so many of them."""

    low: float
    many: float
    counted: bool  # whether all of them occur, as far as a data set or a draw can promise


@remembered
def labels(value: Value) -> Labels | None:
    """The class numbers that a tensor surely holds."""
    value = bare(value)
    if isinstance(value, Either):
        found = {labels(one) for one in value.options}
        return found.pop() if len(found) == 1 else None
    if not isinstance(value, Tensor):
        return None
    inner = parts(value)
    match value.op:
        case "dataset" if getattr(value.options.get("column"), "value", "") == "target":
            many = _asked(value)
            first = FIRST.get(str(getattr(value.options.get("name"), "value", "")), 0)
            return None if many is None else Labels(first, many, True)
        case "randint" | "integers":
            numbers = [one for one in inner if count(one) is not None or number(one) is not None]
            low = value.options.get("low")
            high = value.options.get("high")
            told = [count(one) for one in (low, high) if one is not None] or [count(one) for one in numbers[:2]]
            if len(told) == 1 or (told and len(inner) > 1 and isinstance(inner[1], Items)):
                told = [0.0, told[0]]
            if len(told) < 2 or told[0] is None or told[1] is None or not 0 < told[1] - told[0] <= 1000:
                return None
            return Labels(told[0], told[1] - told[0], True)
        case "argmax":
            sides, at = shape(inner[0]) if inner else None, number(value.options.get("dim"))
            if sides is None or at is None or not -len(sides) <= at < len(sides):
                return None
            many = sides[int(at)]
            return None if many is None else Labels(0, many, False)
        case "add" | "sub" if len(inner) == 2 and (by := count(inner[1])) is not None:
            told = labels(inner[0])
            return (
                None
                if told is None or by != int(by)
                else Labels(told.low + (by if value.op == "add" else -by), told.many, told.counted)
            )
        case "floordiv" if len(inner) == 2 and (by := count(inner[1])) is not None and by > 0:
            told = labels(inner[0])
            return (
                None
                if told is None
                else Labels(told.low // by, (told.low + told.many - 1) // by - told.low // by + 1, told.counted)
            )
        case "mod" if len(inner) == 2 and (by := count(inner[1])) is not None and by > 0:
            return Labels(0, by, False)
        case "compare" | "eq":
            return Labels(0, 2, False)
        case "getitem" if (column := _column(value)) is not None:
            return labels(column)
        case "getitem" if not isinstance(value.options.get("index"), Items):
            told = labels(inner[0])
            if any(
                one.op in ("compare", "eq", "isin", "nonzero") for one in sources(value.options.get("index", Value()))
            ):
                return None  # rows that a condition picks may be those of some classes
            return told
        case "view" | "reshape" | "flatten" | "squeeze" | "ravel" | "unsqueeze":
            return labels(inner[0])
        case "part" | "row" if inner:
            return labels(inner[0])
        case "repeat_interleave" | "repeat" | "tile" if inner:
            return labels(inner[0])
        case "arange" if len(inner) == 1 and (many := count(inner[0])) is not None and many <= 100:
            return Labels(0, many, True)
        case "cat" | "concatenate" | "hstack":
            each = {labels(one) for one in inner}
            return each.pop() if len(each) == 1 else None
        case _:
            return None


def _column(value: Tensor) -> Value | None:
    """The column of `column_stack` or `stack(..., axis=1)` that an index picks."""
    index, base = value.options.get("index"), chosen(value.parents[0]).base
    if (
        not isinstance(index, Items)
        or len(index.items) != 2
        or not isinstance(base, Tensor)
        or base.op != "column_stack"
    ):
        return None
    at = number(index.items[1])
    columns = base.parents[0].items if base.parents and isinstance(base.parents[0], Items) else list(base.parents)
    return (
        columns[int(at)]
        if at is not None and 0 <= at < len(columns) and not isinstance(columns[int(at)], Items)
        else None
    )


# Rows


@dataclass(frozen=True)
class Rows:
    """Rows of a base, as picked one pick after the other; picks are slices and indices."""

    base: Value
    picks: tuple[Value, ...]


def chosen(value: Value) -> Rows:
    """Which rows of what a tensor holds, through all that leaves rows where they are."""
    picks: list[Value] = []
    for _ in range(DEEPEST * 4):
        value = bare(value)
        if not isinstance(value, Tensor):
            break
        inner = parts(value)
        if value.op == "getitem" and inner:
            index = value.options.get("index")
            first = index.items[0] if isinstance(index, Items) and index.kind == "tuple" and index.items else index
            everything = (
                isinstance(first, Slice) and first.lower is None and first.upper is None and first.step is None
            ) or (isinstance(first, Known) and first.value in (None, Ellipsis))
            if first is not None and not everything:
                picks.append(first)
            value = inner[0]
        elif value.op in ("view", "reshape", "flatten", "squeeze", "unsqueeze", "permute", "transpose") and inner:
            value = inner[0]
        elif inner and (value.op in ("row", "part") or _rows_mixed(value, inner[0])):
            picks.append(value)
            value = inner[0]
        elif (
            value.op in BINARY
            and (sized := [one for one in inner if number(one) is None and _sized(one)])
            and len(sized) == 1
        ):
            value = sized[0]
        elif value.op in ELEMENTWISE and inner:
            value = inner[0]
        else:
            break
    return Rows(value, tuple(reversed(picks)))


def _rows_mixed(value: Tensor, of_: Value) -> bool:
    """Whether it is the rows of data in another order, and not an order of row numbers."""
    inner = bare(of_)
    numbers = isinstance(inner, Tensor) and inner.op in ("arange", "range", "len", "nonzero", "where")
    return value.op == "permutation" and shape(of_) is not None and not numbers


def sources(value: Value) -> Iterator[Tensor]:
    """All tensors that a value was made of, through batches, indices and options too."""
    seen: set[int] = set()
    todo: list[Value] = [value]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Either):
            todo += one.options
        elif isinstance(one, Items):
            todo += one.items
        elif isinstance(one, Instance):
            continue
        elif isinstance(one, Tensor):
            yield one
            if one.op in ("len", "shape", "size"):
                continue
            todo += [*one.parents, *(part for part in (of(one), one.options.get("index")) if part is not None)]
        elif isinstance(one, Slice):
            todo += [part for part in (one.lower, one.upper) if part is not None]


# Sizes of the numbers


@remembered
def span(value: Value) -> tuple[float, float] | None:
    """The least and the largest number that a tensor of pixels may hold."""
    while isinstance(value, Tensor) and (value.op in WRAPS or of(value) is not None):
        if value.op in ("zeros", "astype", "to", "byte", "array", "asarray") and _bytes(value):
            return 0.0, 255.0
        base = of(value)
        value = base if base is not None else value.parents[0] if value.parents else Value()
    if not isinstance(value, Tensor):
        return None
    inner = parts(value)
    if value.op in ("zeros", "empty", "frombuffer", "full") and _bytes(value):
        return 0.0, 255.0
    match value.op:
        case "dataset":
            name, column = (str(getattr(value.options.get(word), "value", "")) for word in ("name", "column"))
            return (0.0, PIXELS[name]) if name in PIXELS and column in ("data", "images") else None
        case "frombuffer" | "PIL":
            return (0.0, 255.0)
        case "div" | "mult" | "add" | "sub" if len(inner) == 2 and (by := count(inner[1])) is not None:
            told = span(inner[0])
            ends = [reckon(value.op, end, by) for end in told] if told else []
            return (
                None
                if not ends or None in ends
                else (min(e for e in ends if e is not None), max(e for e in ends if e is not None))
            )
        case "clamp" | "clip":
            told = [value.options.get("min"), value.options.get("max")]
            ends = [count(b or (inner[i + 1] if len(inner) > i + 1 else None)) for i, b in enumerate(told)]
            return (ends[0], ends[1]) if ends[0] is not None and ends[1] is not None else None
        case (
            "getitem"
            | "view"
            | "reshape"
            | "flatten"
            | "squeeze"
            | "unsqueeze"
            | "permute"
            | "transpose"
            | "round"
            | "part"
            | "row"
            | "stack"
            | "Unflatten"
            | "unflatten"
            | "expand"
            | "repeat"
        ):
            return span(inner[0]) if inner else None
        case "cat" | "concatenate" | "vstack":
            each = {span(one) for one in inner}
            return each.pop() if len(each) == 1 else None
        case "randint" | "integers":
            told = labels(value)
            ends = [count(one) for one in inner[:2]]
            if told:
                return (told.low, told.low + told.many - 1)
            return (ends[0], ends[1]) if len(ends) == 2 and ends[0] is not None and ends[1] is not None else None
        case _:
            return None


def _bytes(value: Tensor) -> bool:
    """Whether its numbers are bytes."""
    told = [*value.parents, value.options.get("dtype", Value())]
    return value.op == "byte" or any(
        (isinstance(one, Library) and one.name.endswith(".uint8")) or (isinstance(one, Known) and one.value == "uint8")
        for one in told
    )


def in_order(value: Value) -> Value | None:
    """What a tensor's rows come from, where they come in the order in which they lie there."""
    for _ in range(DEEPEST):
        value = bare_step(value)
        if not isinstance(value, Tensor):
            return value
        inner = parts(value)
        if value.op in ("input", "label"):
            loader = value.parents[0] if value.parents else None
            if not isinstance(loader, Made) or shuffles(loader) or (base := of(value)) is None:
                return None
            value = base
        elif value.op == "getitem" and inner:
            if mixes(value.options.get("index", Value())):
                return None
            value = inner[0]
        elif value.op in ("row", "part", "view", "reshape", "flatten", "squeeze", "unsqueeze") and inner:
            value = inner[0]
        else:
            return value
    return None


def bare_step(value: Value) -> Value:
    """A value without containers around it; a batch stays a batch."""
    while isinstance(value, Tensor) and value.op in WRAPS and value.parents:
        value = value.parents[0]
    return value


def mixes(index: Value) -> bool:
    """Whether an index is drawn, or not known."""
    found = list(sources(index))
    known = isinstance(index, Slice | Known | Tensor | Items | Made)
    unknown = isinstance(index, Items) and index.kind == "list" and any(number(one) is None for one in index.items)
    return (
        not known
        or unknown
        or any(one.op in RANDOM_ORDER | DRAWS | {"split_rows", "argsort", "shuffle"} for one in found)
        or (isinstance(index, Made))
    )


def shuffles(loader: Made) -> bool:
    """Whether a loader mixes its rows, or may."""
    option = loader.options.get("shuffle") or (loader.args[2] if len(loader.args) > 2 else None)
    told = isinstance(option, Known) and not option.value
    other = {"sampler", "batch_sampler", "**"} & loader.options.keys()
    return bool(other) or (option is not None and not told)


def by_class(value: Value | None) -> bool:
    """Whether labels surely lie class by class."""
    inner = bare(value) if value is not None else None
    if isinstance(inner, Items):
        numbers = [number(one) for one in inner.items]
        told = [one for one in numbers if one is not None]
        return len(told) == len(numbers) > 2 and len(set(told)) > 1 and told == sorted(told)
    if not isinstance(inner, Tensor) or not inner.parents:
        return False
    base = bare(parts(inner)[0]) if parts(inner) else None
    if inner.op in ("repeat_interleave", "repeat"):
        numpy_way = inner.op == "repeat" and len(inner.parents) > 1 and not isinstance(inner.parents[1], Items)
        numbered = isinstance(base, Tensor) and base.op in ("arange", "range")
        return numbered and (inner.op == "repeat_interleave" or numpy_way)
    if inner.op == "sort" or (inner.op == "part" and isinstance(base, Tensor) and base.op == "sort"):
        return True
    if inner.op in ("cat", "concatenate", "hstack"):
        each = [bare(one) for one in parts(inner)]
        return len(each) > 1 and all(
            isinstance(one, Tensor) and one.op in ("full", "zeros", "ones", "full_like") for one in each
        )
    return False


def draws(value: Value) -> dict[int, Tensor]:
    """The random orders and draws that picked a tensor's rows."""
    return {id(one): one for pick in chosen(value).picks for one in sources(pick) if one.op in RANDOM_ORDER | DRAWS}


@dataclass(frozen=True)
class Step:
    """Arithmetic with a number, or a scaler."""

    what: str
    made: Tensor


def way(value: Value) -> tuple[Value, tuple[Step, ...]]:
    """What a tensor was made of by arithmetic with numbers and by scalers, and by which steps."""
    steps: list[Step] = []
    for _ in range(DEEPEST * 4):
        value = bare(value)
        if not isinstance(value, Tensor):
            break
        inner = parts(value)
        sized = [one for one in inner if number(one) is None and _sized(one) and not _scalar(one)]
        if value.op in BINARY and len(sized) == 1:
            other = next((count(one) for one in inner if one is not sized[0]), None)
            idle = (value.op in ("mult", "div") and other == 1) or (value.op in ("add", "sub") and other == 0)
            steps += [] if idle else [Step(value.op if other is None else f"{value.op} {other:g}", value)]
            value = sized[0]
        elif (
            value.op in ("scaled", "getitem", "view", "reshape", "flatten", "squeeze", "unsqueeze", "row", "part")
            and inner
        ):
            steps += [Step("scaled", value)] if value.op == "scaled" else []
            value = inner[0]
        else:
            break
    return value, tuple(reversed(steps))


def closed(value: Value) -> bool:
    """Whether all that a value was made of is known."""
    seen: set[int] = set()
    todo: list[Value] = [value]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if type(one) is Value or (isinstance(one, Items) and not one.whole):
            return False
        todo += (
            one.parents
            if isinstance(one, Tensor)
            else one.items
            if isinstance(one, Items)
            else one.options
            if isinstance(one, Either)
            else ()
        )
    return True


def _scalar(value: Value) -> bool:
    """Whether it is a statistic: a mean or deviation, and what arithmetic makes of one."""
    inner = bare(value)
    if not isinstance(inner, Tensor):
        return False
    if inner.op in ("getitem", "part", "row", "clamp", "clamp_min", "maximum", "sqrt") and inner.parents:
        return _scalar(inner.parents[0])
    if inner.op in ("add", "mult", "div", "sub"):
        return all(number(one) is not None or _scalar(one) for one in inner.parents)
    return inner.op in REDUCES


def bounds(pick: Value, whole: float | None = None) -> tuple[float, float] | None:
    """The first row of a slice or range, and the one after its last."""
    if isinstance(pick, Slice):
        lower, upper = (
            (0.0 if pick.lower is None else count(pick.lower)),
            (math.inf if pick.upper is None else count(pick.upper)),
        )
        if lower is None or upper is None or pick.step is not None:
            return None
        if whole is not None:
            lower, upper = (end + whole if end < 0 else end for end in (lower, upper))
        return None if lower < 0 or upper < 0 else (lower, upper)
    if isinstance(pick, Tensor) and pick.op in ("range", "arange") and len(pick.parents) <= 2:
        told = [count(one) for one in pick.parents]
        if told and all(one is not None for one in told):
            return (0.0, told[0] or 0.0) if len(told) == 1 else (told[0] or 0.0, told[1] or 0.0)
    return None


def shared(one: Value, other: Value) -> bool:
    """Whether some rows of the same base surely are in both."""
    a, b = chosen(one), chosen(other)
    if a.base is not b.base:
        return False
    if min(len(a.picks), len(b.picks)) == 0 and max(len(a.picks), len(b.picks)) > 0:
        first = (a.picks or b.picks)[0]  # all rows, and some of them
        return isinstance(first, Slice) and bounds(first) is not None
    for p, q in zip(a.picks, b.picks, strict=False):
        if p is q:
            continue
        x, y = bounds(p), bounds(q)
        if x and y:
            if x == y:
                continue
            return min(x[1], y[1]) - max(x[0], y[0]) > 0
        nested = isinstance(p, Tensor) and isinstance(q, Tensor) and "getitem" in (p.op, q.op)
        return nested and shared(p, q)
    return False
