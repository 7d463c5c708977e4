"""What the names of torch and of Python mean to whoever follows a script: what they make, what they do."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from fairtrial.doctor.static.facts import DRAWS, GENERATORS, RANDOM_ORDER, count
from fairtrial.doctor.static.trace import What
from fairtrial.doctor.static.values import (
    Class,
    Either,
    Function,
    Instance,
    Items,
    Known,
    Layer,
    Library,
    Made,
    MadeKind,
    Method,
    Module,
    Place,
    Slice,
    Tensor,
    Value,
    number,
    options_of,
)

Options = Mapping[str, Value]


class Run(Protocol):
    """The part of a follower that the meanings need."""

    unsure: int
    grad: bool
    inside: int
    cut: int
    example: Value | None

    def note(self, what: What, subject: Value, place: Place, *args: Value, name: str = "", **options: Value) -> None:
        """Write down that something is done."""

    def lend(self, to: Value, args: Sequence[Value], options: Options, place: Place, name: str = "") -> None:
        """Unknown code gets these values."""

    def call(self, target: Value, args: list[Value], options: Options, place: Place) -> Value:
        """A call, and what comes back."""
        ...

    def enter(self, function: Function, args: list[Value], options: Options, place: Place) -> Value:
        """Follow a function of the script."""
        ...

    def items(self, over: Value, place: Place, twice: bool = False) -> tuple[list[Value], bool]:
        """What a loop goes through."""
        ...

    def item(self, owner: Value, index: Value, place: Place) -> Value:
        """`owner[index]`."""
        ...

    def stored(self, path: Value) -> Value | None:
        """What was saved there."""
        ...

    def keep(self, name: str, value: Value, place: Place) -> None:
        """Write down that a model's state gets a name."""

    def put(self, owner: Items, index: Value, value: Value) -> None:
        """`owner[index] = value` of a list or dict."""


# The same numbers in another shape, type or place: what made them is still what made them.
SAME_NUMBERS = frozenset(
    [
        "view",
        "reshape",
        "flatten",
        "squeeze",
        "unsqueeze",
        "permute",
        "transpose",
        "contiguous",
        "float",
        "double",
        "half",
        "bfloat16",
        "to",
        "cuda",
        "cpu",
        "type",
        "type_as",
        "clone",
        "expand",
        "expand_as",
        "t",
        "movedim",
        "swapaxes",
        "retain_grad",
        "requires_grad_",
        "getitem",
        "Flatten",
        "Identity",
        "Unflatten",
        "ravel",
        "unflatten",
        "view_as",
        "reshape_as",
    ]
)
ACTIVATIONS = {
    "Softmax": "softmax", "LogSoftmax": "log_softmax", "Sigmoid": "sigmoid", "LogSigmoid": "logsigmoid",
    "ReLU": "relu", "Tanh": "tanh", "Softmax2d": "softmax2d",
}  # fmt: skip
LINEAR = frozenset({"Linear", "Conv1d", "Conv2d", "Conv3d", "LazyLinear", "LazyConv2d", "Bilinear"})
LOSSES = {
    "CrossEntropyLoss": "cross_entropy", "NLLLoss": "nll_loss", "MSELoss": "mse_loss",
    "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits", "MultiMarginLoss": "multi_margin_loss",
    "L1Loss": "l1_loss", "KLDivLoss": "kl_div", "SmoothL1Loss": "smooth_l1_loss",
}  # fmt: skip
FUNCTIONAL_LOSSES = frozenset(LOSSES.values())
OPTIMIZERS = frozenset(
    [
        "SGD",
        "Adam",
        "AdamW",
        "RMSprop",
        "Adagrad",
        "Adadelta",
        "Adamax",
        "NAdam",
        "RAdam",
        "LBFGS",
        "ASGD",
        "Rprop",
        "Adafactor",
        "SparseAdam",
        "Muon",
    ]
)
# Functions of Python's own that change nothing of what they are given.
HARMLESS = frozenset(
    [
        "slice",
        "print",
        "len",
        "range",
        "enumerate",
        "zip",
        "list",
        "tuple",
        "dict",
        "set",
        "iter",
        "next",
        "reversed",
        "sorted",
        "sum",
        "max",
        "min",
        "abs",
        "round",
        "int",
        "float",
        "str",
        "bool",
        "isinstance",
        "issubclass",
        "type",
        "id",
        "repr",
        "format",
        "hasattr",
        "getattr",
        "any",
        "all",
        "map",
        "filter",
        "input",
        "open",
        "vars",
        "hash",
    ]
)
HARMLESS_LIBRARIES = frozenset(
    [
        "os",
        "sys",
        "time",
        "math",
        "json",
        "csv",
        "random",
        "logging",
        "pathlib",
        "numpy",
        "matplotlib",
        "sklearn",
        "argparse",
        "collections",
        "itertools",
        "datetime",
        "pandas",
        "tqdm",
        "warnings",
        "copy",
        "functools",
        "re",
        "typing",
        "PIL",
        "string",
        "pickle",
        "wandb",
        "torchvision",
    ]
)


def given(options: Options) -> dict[str, Value]:
    """Words of a call that can be written down beside an event's own."""
    return {
        name: one
        for name, one in options.items()
        if name in ("std", "val", "a", "b", "max_norm", "strict", "gain", "mean")
    }


def builtin(name: str) -> Value:
    """A name that the script does not define."""
    return Library(f"builtins.{name}") if name in HARMLESS or name == "setattr" else Value()


def named(name: str) -> Value:
    """A name inside a library."""
    return Library(name)


def star(module: str) -> dict[str, Value]:
    """What `from module import *` brings of what matters here."""
    if module == "torch.nn":
        return {kind: Library(f"torch.nn.{kind}") for kind in (*ACTIVATIONS, *LINEAR, *LOSSES, "Module", "Sequential")}
    if module == "torch.optim":
        return {kind: Library(f"torch.optim.{kind}") for kind in OPTIMIZERS}
    return {}


def decorators(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> frozenset[str]:
    """The last words of a function's decorators."""
    if isinstance(node, ast.Lambda):
        return frozenset()
    calls = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    return frozenset(ast.unparse(one).rpartition(".")[2] for one in calls)


def arithmetic(left: object, operator: ast.operator, right: object) -> Value:
    """A sum, difference, product or quotient of two numbers; a text with its blanks filled."""
    if isinstance(left, str) and isinstance(operator, ast.Mod | ast.Add):
        try:
            return Known(left % right if isinstance(operator, ast.Mod) else left + str(right))
        except (TypeError, ValueError):
            return Value()
    if not isinstance(left, int | float) or not isinstance(right, int | float) or abs(left) + abs(right) > 1e15:
        return Value()
    table: dict[type[ast.operator], Callable[[float, float], float]] = {
        ast.Add: lambda a, b: a + b,
        ast.Sub: lambda a, b: a - b,
        ast.Mult: lambda a, b: a * b,
    }
    if isinstance(operator, ast.Mod) and right:
        return Known(left % right)
    if isinstance(operator, ast.Pow) and abs(right) < 100 and left > 0:
        return Known(left**right)
    if isinstance(operator, ast.Div | ast.FloorDiv) and right:
        return Known(left / right if isinstance(operator, ast.Div) else left // right)
    if type(operator) in table:
        return Known(table[type(operator)](left, right))
    return Value()


def call(run: Run, name: str, args: list[Value], options: Options, place: Place) -> Value:
    """A call of a library's function or class."""
    root, _, _ = name.partition(".")
    last = name.rpartition(".")[2]
    if last == "LambdaLR" and len(args) > 1 and isinstance(args[1], Function):
        factors = [run.call(args[1], [Known(turn)], {}, place) for turn in (0, 1, 10, 100)]
        options = {**options, "factors": Items("list", factors, [], True, place)}
    if name.startswith("torch.optim.lr_scheduler."):
        return made(run, "scheduler", last, args, options, place)
    if name.startswith(("torch.optim.", "torch.optim")) and last[:1].isupper():
        kind: MadeKind = "optimizer" if last in OPTIMIZERS else "generator"
        return made(run, kind, last, args, options, place)
    if name.startswith("torch.nn.init."):
        run.note("init", args[0] if args else Value(), place, *args[1:], name=last, **given(options))
        return args[0] if args else Value()
    if name == "torch.autograd.grad" and args:
        run.note("backward", args[0], place, name="grad")
    if name.startswith("torch.nn.utils.clip_grad"):
        run.note("clip", args[0] if args else Value(), place, *args[1:], name=last, **given(options))
        return Value()
    if name.startswith("torch.nn.utils."):
        return args[0] if args else Value()
    if name.startswith("torch.nn.functional.") or (root == "torch" and last in FUNCTIONAL_LOSSES):
        return function(run, last, args, options, place)
    if name.startswith(("torch.nn.", "torch.nn.modules.")) and last[:1].isupper():
        return layer(last, args, options, place)
    if name.startswith("torch.utils.data."):
        return data(run, last, args, options, place)
    if name.startswith("torchvision."):
        kind = "transform" if "transforms" in name else "dataset" if "datasets" in name else "generator"
        return (
            Layer(place, last, tuple(args), {"?": Value()}, [])
            if "models" in name
            else made(run, kind, last, args, options, place)
        )
    if name in ("copy.deepcopy", "copy.copy"):
        return copied(args[0] if args else Value(), last == "deepcopy", place)
    if last in ("no_grad", "inference_mode", "enable_grad", "set_grad_enabled"):
        return Made("guard", last, tuple(args), options, place)
    if last == "autocast":
        return made(run, "guard", "autocast", args, options, place)
    if last == "GradScaler":
        return made(run, "scaler", last, args, options, place)
    if last in ("manual_seed", "seed", "manual_seed_all", "seed_everything"):
        run.note("seed", args[0] if args else Value(), place, name=name)
        return Value()
    if root in ("torch", "numpy"):
        if last in ("Size", "device", "dtype", "Event", "Stream"):
            return Value()
        return function(run, "tensor" if last in TENSORS else last, args, options, place)
    if root == "sklearn":
        return sklearn(run, last, args, options, place)
    return python(run, name, last, args, options, place)


TENSORS = frozenset({"Tensor", "FloatTensor", "LongTensor", "DoubleTensor", "IntTensor", "BoolTensor"})
METRICS = frozenset(
    [
        "accuracy_score",
        "balanced_accuracy_score",
        "f1_score",
        "precision_score",
        "recall_score",
        "confusion_matrix",
        "cohen_kappa_score",
        "classification_report",
        "roc_auc_score",
        "matthews_corrcoef",
        "precision_recall_fscore_support",
        "top_k_accuracy_score",
    ]
)


def sklearn(run: Run, last: str, args: list[Value], options: Options, place: Place) -> Value:
    """What scikit-learn makes: data sets, splits, scalers, metrics."""
    if "random_state" in options:
        run.note("seed", options["random_state"], place, name="generator")
    if last.startswith(("load_", "make_", "fetch_")):
        column = {name: Tensor("dataset", tuple(args), place, {**options, "name": Known(last), "column": Known(name)})
                  for name in ("data", "target", "images")}  # fmt: skip
        asked = options.get("return_X_y")
        if last.startswith("make_") or (isinstance(asked, Known) and asked.value):
            return Items("tuple", [column["data"], column["target"]], [], True, place)
        return Items("dict", list(column.values()), [Known(name) for name in column], False, place)
    if last == "train_test_split":
        split: list[Value] = []
        share = {"share": options["test_size"]} if "test_size" in options else {}
        halves = [Tensor("split_rows", (Known(i),), place, share) for i in range(2)]
        for one in args:
            split += [Tensor("getitem", (one,), place, {"index": half}) for half in halves]
        return Items("tuple", split, [], True, place)
    if last == "shuffle" and args:
        seed = {"seed": options["random_state"]} if "random_state" in options else {}
        order = Tensor("permutation", (Tensor("len", (args[0],), place),), place, seed)
        mixed: list[Value] = [Tensor("getitem", (one,), place, {"index": order}) for one in args]
        return mixed[0] if len(mixed) == 1 else Items("tuple", mixed, [], True, place)
    if last in METRICS:
        found = Tensor("eq", tuple(args), place)
        run.note("compared", found, place)
        return Tensor("mean", (found,), place)
    return Made("fitted", last, tuple(args), options, place)


def python(run: Run, name: str, last: str, args: list[Value], options: Options, place: Place) -> Value:
    """A call of Python's own library, or of one that is not known."""
    first = args[0] if args else options.get("iterable", Value())
    if last == "iter" and isinstance(first, Made | Either):
        return made(run, "iterator", last, args, {}, place)
    if last in ("tqdm", "trange", "iter", "cycle", "track", "progress_bar") and args:
        return Tensor("range", tuple(args[:1]), place) if last == "trange" else first
    if last in ("list", "tuple", "sorted", "reversed", "set") and args:
        return listed(run, last, first, place)
    if last == "next" and args:
        return taken(run, first, place)
    if last == "slice" and args:
        return Slice(*([None, *args] if len(args) == 1 else args))
    if last == "hasattr" and isinstance(first, Instance) and isinstance(args[1], Known):
        return Known(args[1].value in first.attributes or first.cls.member(str(args[1].value)) is not None)
    if last == "isinstance" and len(args) == 2:
        return is_one(args[0], args[1], place)
    if last == "range":
        return Tensor(last, tuple(args), place)
    if last in ("enumerate", "zip", "pairwise"):
        pair = [first, run.item(first, Slice(Known(1)), place)] if last == "pairwise" else args
        return together(run, "zip" if last == "pairwise" else last, pair, place)
    if name == "builtins.print":
        run.note("printed", Value(), place, *args)
    if name == "builtins.len" and args:
        return measured(run, first, place)
    if name in ("builtins.float", "builtins.int") and isinstance(first, Known) and isinstance(first.value, str):
        try:
            return Known(float(first.value) if last == "float" else int(first.value))
        except ValueError:
            return Value()
    if name in ("builtins.max", "builtins.min", "builtins.sorted") and isinstance(first, Items):
        run.note("picked", first, place, *first.items)
    if name in ("builtins.sum", "builtins.int", "builtins.float", "builtins.round", "builtins.abs", "builtins.min",
                "builtins.max", "math.floor", "math.ceil"):  # fmt: skip
        told = count(Tensor(last, tuple(args), place))
        return (
            Tensor(last, tuple(args), place)
            if told is None or last == "sum"
            else Known(int(told) if told == int(told) else told)
        )
    if name == "builtins.super":
        return Value()
    if last in ("partial", "partialmethod"):
        return Made("partial", last, tuple(args), options, place) if args else Value()
    if last == "map" and len(args) > 1:
        several, whole = run.items(args[1], place)
        return Items("list", [run.call(first, [one], {}, place) for one in several], [], whole, place)
    if last in ("ArgumentParser",):
        return Made("parser", last, (), {}, place)
    if last in ("SimpleNamespace", "Namespace", "OrderedDict", "dict", "defaultdict", "EasyDict", "AttrDict"):
        return keyed(run, args, options, place)
    if name.startswith("math.") and all(number(one) is not None for one in args) and args:
        return reckoned(last, [number(one) or 0.0 for one in args])
    if name == "dataclasses.field":
        factory = options.get("default_factory")
        return options.get("default") or (run.call(factory, [], {}, place) if factory else Value())
    if last == "vars" and isinstance(first, Made | Items):
        return first
    if last == "shuffle" and args:
        run.note("shuffled", first, place)
        if isinstance(first, Items):
            first.items[:] = [Value() for _ in first.items]  # which of them lies where is not known any more
        return Value()
    if name.startswith(("random.", "statistics.")):
        return function(run, last, args, options, place)
    if last in ("Path", "str", "repr", "format"):
        return Known(str(first.value)) if isinstance(first, Known) and last == "str" else Value()
    if name in ("PIL.Image.open",):
        return Tensor("PIL", tuple(args), place)
    if name.partition(".")[0] not in HARMLESS_LIBRARIES and not name.startswith("builtins."):
        run.lend(Library(name), args, options, place, name)
    if last == "setattr":
        run.lend(Library(name), args, options, place, name)
    return Value()


def reckoned(name: str, numbers: list[float]) -> Value:
    """What a function of `math` makes of numbers."""
    try:
        return Known(getattr(math, name)(*numbers))
    except (AttributeError, TypeError, ValueError, OverflowError):
        return Value()


def listed(run: Run, last: str, over: Value, place: Place) -> Value:
    """A list of what can be looped over: of what is known."""
    if isinstance(over, Items) and over.kind != "dict":
        items = over.items[::-1] if last == "reversed" else over.items
        return Items(over.kind, list(items), [], over.whole and last != "sorted", place, over.repeated, run.cut)
    if isinstance(over, Tensor) and over.op != "range":
        return over
    if isinstance(over, Made) and over.kind not in ("iterator", "modules"):
        return over
    several, whole = run.items(over, place)
    return Items("list", several, [], whole, place, around=run.cut) if whole or isinstance(over, Made) else over


def together(run: Run, how: str, args: list[Value], place: Place) -> Value:
    """`zip` and `enumerate`: of short lists a list, else to be gone through later."""
    lazy = Made("iterator", how, tuple(args), {}, place)
    if args and all(isinstance(one, Items) and one.whole for one in args):
        several, whole = run.items(lazy, place)
        return Items("list", several, [], whole, place, around=run.cut) if whole else lazy
    return lazy


def measured(run: Run, over: Value, place: Place) -> Value:
    """`len(over)`."""
    begin = over.cls.member("__len__") if isinstance(over, Instance) else None
    if isinstance(over, Items) and over.whole and over.kind != "dict":
        return Known(len(over.items))
    if isinstance(begin, Function):
        return Tensor("len", (over, run.enter(Function(begin.node, begin.scope, over), [], {}, place)), place)
    return Tensor("len", (over,), place)


def is_one(value: Value, kind: Value, place: Place) -> Value:
    """`isinstance(value, kind)`, where both are known."""
    wanted = kind.items if isinstance(kind, Items) else [kind]
    names = {one.name.rpartition(".")[2] for one in wanted if isinstance(one, Library)}
    if isinstance(value, Layer) and all(isinstance(one, Library | Class) for one in wanted):
        return Known(value.kind in names or "Module" in names or ("_BatchNorm" in names and "BatchNorm" in value.kind))
    if isinstance(value, Instance) and value.is_module and all(isinstance(one, Library) for one in wanted):
        return Known(bool(names & {root.rpartition(".")[2] for root in value.cls.roots}))
    return Tensor("isinstance", (value, kind), place)


def keyed(run: Run, args: list[Value], options: Options, place: Place) -> Value:
    """A dict, or an object of named values, from words and from pairs."""
    first = args[0] if args else None
    keys: list[Value] = [Known(key) for key in options if key != "**"]
    items = [one for key, one in options.items() if key != "**"]
    whole = "**" not in options
    if isinstance(first, Items) and first.kind == "dict":
        keys, items, whole = [*first.keys, *keys], [*first.items, *items], whole and first.whole
    elif first is not None:
        if isinstance(first, Made) and first.kind == "state":
            return first
        several, all_ = run.items(first, place)
        pairs = [(run.item(one, Known(0), place), run.item(one, Known(1), place)) for one in several]
        keys, items, whole = [*(k for k, _ in pairs), *keys], [*(v for _, v in pairs), *items], whole and all_
    return Items("dict", items, keys, whole, place, around=run.cut)


def taken(run: Run, source: Value, place: Place) -> Value:
    """`next(iterator)`: a batch; of a loader's new iterator it is the first one again."""
    if isinstance(source, Made) and source.kind == "iterator" and source.name == "iter":
        run.note("next", source, place)
        return run.items(source.args[0], place)[0][0]
    if isinstance(source, Made) and source.kind == "parameters":
        return Made("parameter", "one", source.args, {}, source.place)
    if isinstance(source, Items) and source.items:
        run.note("next", source, place)
        return source.items[0]
    return Value()


def copied(first: Value, deep: bool, place: Place) -> Value:
    """A copy: of a state it matters how deep."""
    if isinstance(first, Made) and first.kind == "state" and deep:
        return Made("copied state", first.name, first.args, first.options, place)
    if isinstance(first, Layer):
        children = [copied(one, deep, place) if isinstance(one, Module) else one for one in first.children]
        return Layer(place, first.kind, first.args, first.options, children, training=first.training)
    if isinstance(first, Instance):
        inside = {k: copied(v, deep, place) if isinstance(v, Module) else v for k, v in first.attributes.items()}
        return Instance(place, first.cls, inside, training=first.training)
    if isinstance(first, Items):
        return Items(first.kind, list(first.items), list(first.keys), first.whole, place, first.repeated)
    if isinstance(first, Made) and first.kind == "dataset" and deep:
        return Made(first.kind, first.name, tuple(copied(one, deep, place) for one in first.args), first.options, place)
    return first if isinstance(first, Made | Tensor | Known) else Value()


def made(run: Run, kind: MadeKind, name: str, args: list[Value], options: Options, place: Place) -> Made:
    """An object of a library, written down."""
    one = Made(kind, name, tuple(args), options, place)
    run.note("made", one, place)
    return one


def layer(kind: str, args: list[Value], options: Options, place: Place) -> Value:
    """A module of torch.nn."""
    if kind == "Parameter":
        return Tensor("Parameter", tuple(args), place)
    children: list[Value] = []
    if kind == "Sequential":
        children = list(args)
        if len(args) == 1 and isinstance(args[0], Items):
            children = list(args[0].items)
    elif kind in ("ModuleList", "ModuleDict") and args:
        children = list(args[0].items) if isinstance(args[0], Items) else []
    return Layer(place, kind, tuple(args), options, children)


def data(run: Run, last: str, args: list[Value], options: Options, place: Place) -> Value:
    """What torch.utils.data makes."""
    if last == "random_split":
        first = args[0] if args else options.get("dataset", Value())
        lengths = args[1] if len(args) > 1 else options.get("lengths")
        told = lengths.items if isinstance(lengths, Items) else [Value(), Value()]
        parts: list[Value] = [
            Made("dataset", "random_split", (first,), {**options, "length": one}, place) for one in told
        ]
        return Items("list", parts, [], True, place)
    return made(run, "loader" if last == "DataLoader" else "dataset", last, args, options, place)


def in_turn(run: Run, one: Module, parts: Sequence[Value], args: list[Value], place: Place) -> Value:
    """What a container makes of its input: one part after the other."""
    x: Value = args[0] if args else Value()
    run.inside += 1
    for child in parts:
        x = run.call(child, [x], {}, child.place if isinstance(child, Layer) else place)
    run.inside -= 1
    run.note("layer", one, place, x, *args)
    if not run.inside:
        run.note("pass", one, place, x, *args, training=Known(one.training))
    return x


def apply(run: Run, one: Layer, args: list[Value], options: Options, place: Place) -> Value:
    """What a layer makes of its input."""
    if one.kind in LOSSES:
        return loss(run, LOSSES[one.kind], args, {**one.options, **options}, place, one)
    if one.kind in ("ModuleList", "ModuleDict"):
        return Value()
    if one.kind == "Sequential":
        return in_turn(run, one, one.children, args, place)
    op = ACTIVATIONS.get(one.kind) or ("linear" if one.kind in LINEAR else one.kind)
    x = Tensor(op, tuple(args), place, {**one.options, **positional(one.kind, one.args)}, one)
    if args and _inplace(one.options):
        run.note("set", args[0], place, Value(), x)
    run.note("layer", one, place, x, *args)
    if not run.inside:
        run.note("pass", one, place, x, *args, training=Known(one.training))
    return x


def _inplace(options: Options) -> bool:
    told = options.get("inplace")
    return isinstance(told, Known) and bool(told.value)


def positional(kind: str, args: Sequence[Value]) -> dict[str, Value]:
    """A layer's first argument by its name, where it matters."""
    name = {"Softmax": "dim", "LogSoftmax": "dim", "Dropout": "p", "Flatten": "start_dim", "softmax": "dim"}
    name |= {"log_softmax": "dim", "argmax": "dim", "dropout": "p"}
    return {name[kind]: args[0]} if kind in name and args else {}


def function(run: Run, name: str, args: list[Value], options: Options, place: Place) -> Value:
    """A function of torch or torch.nn.functional."""
    if name in FUNCTIONAL_LOSSES:
        return loss(run, name, args, options, place, None)
    if name == "save":
        run.note("saved", args[0] if args else Value(), place, *args[1:])
        return Value()
    if name == "load" and args and (kept := run.stored(args[0])) is not None:
        return kept
    if name in ("set_num_threads", "use_deterministic_algorithms"):
        return Value()
    flat: list[Value] = []
    for one in args:
        flat += one.items if isinstance(one, Items) and name in ("cat", "stack", "concat") else [one]
    if name in GENERATORS | {"manual_seed"} and flat:
        run.note("seed", flat[-1], place, name="generator")
    if name in DRAWS | RANDOM_ORDER and run.example is not None:
        run.note("draw", run.example, place, *flat, name=name, **{k: v for k, v in options.items() if k == "generator"})
    if name == "shuffle" and flat:
        run.note("shuffled", flat[-1], place)
    op = {"conv2d": "linear", "conv1d": "linear", "expit": "sigmoid"}.get(name, name)
    found = Tensor(op, tuple(flat), place, {**options, **positional(name, args[1:])})
    if flat and (name.endswith("_") or _inplace(options)):
        run.note("set", flat[0], place, Value(), found)
    if name in ("mean", "fmean", "average") and flat and isinstance(flat[0], Items) and not flat[0].whole:
        run.note("divide", flat[0], place, flat[0], Tensor("len", (flat[0],), place))
    if name == "argmax":
        run.note("argmax", found, place, *args)
    elif name in ("eq", "accuracy_score"):
        run.note("compared", found, place)
    return found


def loss(run: Run, kind: str, args: list[Value], options: Options, place: Place, maker: Layer | None) -> Value:
    """The value of a loss, and that it was asked for."""
    words = [options.get("input"), options.get("target")]
    scores = (*args, *(one for one in words if one is not None))
    value = Tensor("loss", scores, place, options, maker)
    run.note("loss", value, place, *scores, name=kind)
    return value


def method(run: Run, owner: Value, name: str, args: list[Value], options: Options, place: Place) -> Value:
    """A method of a value that is no function of the script."""
    if (
        isinstance(owner, Method)
        and owner.name == "__dict__"
        and isinstance(owner.owner, Instance)
        and name == "update"
    ):
        named_ = keyed(run, args, options, place)
        if isinstance(named_, Items):
            pairs = zip(named_.keys, named_.items, strict=True)
            owner.owner.attributes.update({str(k.value): one for k, one in pairs if isinstance(k, Known)})
        return Value()
    if isinstance(owner, Known) and isinstance(owner.value, str):
        return of_text(owner.value, name, args, place)
    if name in STEPS and not isinstance(owner, Items):
        return steps(run, owner, name, args, options, place)
    if isinstance(owner, Module):
        return of_module(run, owner, name, args, options, place)
    if isinstance(owner, Tensor):
        return of_tensor(run, owner, name, args, options, place)
    if isinstance(owner, Made):
        return of_made(run, owner, name, args, options, place)
    if isinstance(owner, Items):
        return of_items(run, owner, name, args, options, place)
    if isinstance(owner, Method) and owner.name == "super()":
        of = owner.owner
        if name == "__init__" and isinstance(of, Instance) and "torch.nn.Sequential" in of.cls.roots:
            of.attributes.update({str(i): one for i, one in enumerate(args)})
        return of_module(run, of, name, args, options, place) if isinstance(of, Module) and name == "train" else Value()
    if name == "super()":
        return Value()
    if name in FILLS and isinstance(owner, Method | Tensor) and (held := weights_of(owner)) is not None:
        run.note("init", held, place, *args, name=name, **given(options))
        return owner
    if name in ("manual_seed", "seed"):
        return owner
    if name in FROM_ANYTHING:
        return function(run, name, [owner, *args], options, place)
    run.lend(owner, args, options, place, name)
    return Value()


FILLS = frozenset({"normal_", "uniform_", "zero_", "fill_"})


TEXT = frozenset({"split", "strip", "lower", "upper", "replace", "startswith", "endswith", "title", "capitalize"})


def of_text(text: str, name: str, args: list[Value], place: Place) -> Value:
    """What a method of a known text gives."""
    words = [one.value for one in args if isinstance(one, Known) and isinstance(one.value, str | int)]
    if name not in TEXT or len(words) < len(args):
        return Value()
    try:
        made = getattr(text, name)(*words)
    except TypeError:
        return Value()
    return Items("list", [Known(one) for one in made], [], True, place) if isinstance(made, list) else Known(made)


def weights_of(value: Value) -> Method | None:
    """The weight or bias of a module, or all that is behind `.data` of it."""
    while isinstance(value, Tensor) and value.op in ("data", "detach") and value.parents:
        value = value.parents[0]
    if isinstance(value, Method) and value.name == "data":
        return weights_of(value.owner)
    return value if isinstance(value, Method) and value.name in ("weight", "bias") else None


STEPS = frozenset({"backward", "step", "zero_grad", "minimize", "unscale_", "update"})
# Methods that only tensors have.
FROM_ANYTHING = frozenset(
    [
        "softmax",
        "log_softmax",
        "sigmoid",
        "argmax",
        "view",
        "permute",
        "reshape",
        "detach",
        "item",
        "numpy",
        "float",
        "log",
        "relu",
        "tanh",
        "unsqueeze",
        "flatten",
        "transpose",
        "backward",
        "to",
        "cuda",
        "cpu",
        "clone",
        "long",
        "squeeze",
        "mean",
        "sum",
    ]
)


def by_hand(name: str, left: Value, right: Value, place: Place) -> Tensor | None:
    """Sigmoid, softmax and log-softmax as they are written out."""
    parts = right.parents if isinstance(right, Tensor) else ()
    if not isinstance(right, Tensor) or not parts:
        return None
    if name == "div" and number(left) == 1 and right.op == "add" and any(number(one) == 1 for one in parts):
        inner = [one.parents[0] for one in parts if isinstance(one, Tensor) and one.op == "exp" and one.parents]
        return next((Tensor("sigmoid", one.parents, place) for one in inner
                     if isinstance(one, Tensor) and one.op == "neg"), None)  # fmt: skip
    dim = right.options.get("dim") or next(iter(parts[1:]), None)
    if not isinstance(left, Tensor) or dim is None or parts[0] is not left:
        return None
    if name == "sub" and right.op == "logsumexp":
        return Tensor("log_softmax", (left,), place, {"dim": dim})
    if name == "div" and right.op == "sum" and left.op == "exp":
        return Tensor("softmax", left.parents, place, {"dim": dim})
    return None


def steps(run: Run, owner: Value, name: str, args: list[Value], options: Options, place: Place) -> Value:
    """backward, step and zero_grad, of whatever it is."""
    kind = owner.kind if isinstance(owner, Made) else ""
    if name == "backward":
        scores = args[0] if args and not isinstance(owner, Tensor) else owner
        run.note("backward", scores, place)
    elif name == "step" and kind == "scheduler":
        run.note("schedule", owner, place, *args)
    elif name == "step":
        closure = args[0] if args else options.get("closure")
        if isinstance(closure, Function):
            run.call(closure, [], {}, place)
        optimizer = closure if kind == "scaler" and isinstance(closure, Made) else owner
        hooked(run, optimizer, "register_step_pre_hook", place)
        run.note("step", optimizer, place, name="closure" if isinstance(closure, Function) else "")
        hooked(run, optimizer, "register_step_post_hook", place)
    elif name == "zero_grad":
        run.note("zero", owner, place)
    elif not isinstance(owner, Made | Tensor):
        run.lend(owner, args, options, place, name)
    return Value()


def hooked(run: Run, optimizer: Value, when: str, place: Place) -> None:
    """What is hung on an optimizer's step is done."""
    hook = optimizer.options.get(when) if isinstance(optimizer, Made) else None
    if hook is not None:
        run.call(hook, [optimizer, Value(), Value()], {}, place)


def of_module(run: Run, owner: Module, name: str, args: list[Value], options: Options, place: Place) -> Value:
    """A method that every torch module has."""
    if isinstance(owner, Instance) and not owner.is_module:
        run.lend(owner, [owner, *args], options, place, name)
        return Value()
    if name in ("train", "eval"):
        wanted = args[0] if args else options.get("mode", Known(True))
        on = bool(wanted.value) if isinstance(wanted, Known) and name == "train" else False if name == "eval" else None
        mode(owner, on if not run.unsure or owner.training == on else None)
        run.note("mode", owner, place, Known(on))
        return owner
    if name == "requires_grad_":
        run.note("freeze", owner, place, *(args or [Known(True)]))
        return owner
    if name in ("parameters", "named_parameters"):
        held = Items("list", list(inner_modules(owner)), [], True, place)  # as it is now
        return Made("parameters", name, (owner,), {"held": held}, place)
    if name == "children" and (held := _held(owner)):
        return Items("list", held, [], True, place)
    if name in ("modules", "children", "named_modules", "named_children"):
        return Made("modules", name, (owner,), {}, place)
    if name == "state_dict":
        return Made("state", "state_dict", (owner,), {}, place)
    if name == "load_state_dict":
        run.note("loaded", owner, place, *args, name="", **given(options))
        return Value()
    if name == "apply":
        run.note("lent", owner, place, owner, name="apply")
        if args and isinstance(args[0], Function):
            run.call(args[0], [Made("modules", "one", (owner,), {}, place)], {}, place)
        return owner
    if name in ("append", "add_module", "register_module", "extend", "insert"):
        if isinstance(owner, Layer):
            more = run.items(args[0], place)[0] if name == "extend" and args else args[-1:]
            held = Items("list", owner.children, [], True, place)
            grow(run, held, more)
        elif isinstance(owner, Instance) and args and isinstance(args[0], Known):
            owner.attributes[str(args[0].value)] = args[-1]
        return owner
    if name in ("to", "cuda", "cpu", "float", "double", "half", "compile", "share_memory", "bfloat16"):
        return owner
    if name == "forward" and isinstance(owner, Layer):
        return run.call(owner, args, options, place)
    if name in ("items", "values") and isinstance(owner, Layer) and owner.args and isinstance(owner.args[0], Items):
        return of_items(run, owner.args[0], name, args, options, place)
    if name == "items" and isinstance(owner, Layer):
        return Items(
            "list", [Items("tuple", [Value(), one], [], True, place) for one in owner.children], [], True, place
        )
    return Value()


def drawn(run: Run, transform: Value, place: Place) -> None:
    """Write down what is drawn by a random transform, while an example is made."""
    for one in options_of(transform):
        if isinstance(one, Made) and one.kind == "transform" and run.example is not None:
            if one.name.startswith(("Random", "ColorJitter", "AutoAugment", "TrivialAugment", "AugMix")):
                run.note("draw", run.example, one.place, name=one.name)
            for part in one.args:
                for inner in part.items if isinstance(part, Items) else [part]:
                    drawn(run, inner, place)


def _held(owner: Module) -> list[Value]:
    """The modules right inside of a module."""
    inside = owner.children if isinstance(owner, Layer) else []
    inside = list(owner.attributes.values()) if isinstance(owner, Instance) else inside
    return [one for one in inside if isinstance(one, Module)]


def mode(owner: Value, on: bool | None) -> None:
    """Set a module's mode, and that of all that is in it."""
    for one in inner_modules(owner):
        one.training = on


def inner_modules(owner: Value) -> list[Module]:
    """A module and all modules in it, each once."""
    found: dict[int, Module] = {}
    todo = list(options_of(owner))
    while todo:
        one = todo.pop()
        if not isinstance(one, Module) or id(one) in found:
            continue
        found[id(one)] = one
        held = one.children if isinstance(one, Layer) else []
        held = list(one.attributes.values()) if isinstance(one, Instance) else held
        todo += [option for child in held for option in options_of(child)]
    return list(found.values())


def of_tensor(run: Run, owner: Tensor, name: str, args: list[Value], options: Options, place: Place) -> Value:
    """A tensor's method is the function of that name."""
    if name == "super()":
        return Value()
    if name in ("requires_grad_",):
        return owner
    if name in ("add_", "sub_", "copy_", "mul_", "zero_", "fill_", "clamp_") and owner.op in ("data", "grad"):
        behind = owner.parents[0] if owner.op == "data" else owner
        run.note("zero" if isinstance(behind, Tensor) and behind.op == "grad" else "step", owner, place)
        return owner
    if name in ("add_", "sub_", "mul_", "copy_", "lerp_") and owner.op == "Parameter":
        run.note("step", owner, place)
        return owner
    return function(run, name, [owner, *args], options, place)


def of_made(run: Run, owner: Made, name: str, args: list[Value], options: Options, place: Place) -> Value:
    """A method of a library's object."""
    if owner.kind == "parser":
        return parsed(owner, name, args, options)
    if owner.kind == "fitted":
        return fitted(owner, name, args, place)
    if owner.kind == "scaler":
        return args[0] if name == "scale" and args else Value()
    if owner.kind in ("state", "copied state") and name in ("items", "values", "keys", "copy"):
        if name == "copy":
            return owner
        one: Value = Tensor("state value" if name != "keys" else "state key", (owner,), place)
        pair = Items("tuple", [Tensor("state key", (owner,), place), one], [], True, place)
        return Items("list", [pair if name == "items" else one], [], False, place)
    if owner.kind == "parameter" and name == "requires_grad_":
        run.note("freeze", owner, place, *(args or [Known(True)]))
        return owner
    if owner.kind == "parameter" and name.endswith("_"):
        run.note("step", owner, place)
        return owner
    if owner.kind == "loader" and name == "dataset":
        return owner.args[0] if owner.args else Value()
    if owner.kind == "parameter":
        return Tensor(name, (owner, *args), place)
    if owner.kind in ("dataset", "generator"):
        return Value()
    if name in ("register_step_pre_hook", "register_step_post_hook") and args:
        owner.options = {**owner.options, name: args[0]}
    elif name not in ("state_dict", "load_state_dict", "get_last_lr", "param_groups"):
        run.lend(owner, args, options, place, name)
    return Value()


OF_ITEMS = frozenset(
    [
        "append",
        "extend",
        "items",
        "values",
        "keys",
        "get",
        "pop",
        "update",
        "setdefault",
        "index",
        "insert",
        "remove",
        "clear",
        "sort",
        "reverse",
        "copy",
        "add",
        "popitem",
        "appendleft",
        "discard",
        "union",
        "count",
    ]
)
OF_MODULES = frozenset(
    ["parameters", "named_parameters", "train", "eval", "to", "state_dict", "load_state_dict", "apply", "modules"]
)


def grow(run: Run, owner: Items, more: Sequence[Value]) -> None:
    """A list gets more; where that depends, a module may as well not be there."""
    owner.whole = owner.whole and run.cut <= owner.around
    for one in more:
        if run.unsure and isinstance(one, Module):
            owner.items.append(Either((one, Layer(one.place, "Identity", (), {}, []))))
        else:
            owner.items.append(one)
            owner.whole = owner.whole and not run.unsure


def parsed(owner: Made, name: str, args: list[Value], options: Options) -> Value:
    """A command line's words: those with a default have it, as in a run without words."""
    words = dict(owner.options)
    owner.options = words
    if name == "add_argument":
        said = [str(one.value).lstrip("-").replace("-", "_") for one in args if isinstance(one, Known)]
        action = str(getattr(options.get("action"), "value", ""))
        dest = options.get("dest")
        named = str(dest.value) if isinstance(dest, Known) else max(said, key=len, default="")
        flag = Known(action == "store_false") if action.startswith("store_") else Known(None)
        optional = any(isinstance(one, Known) and str(one.value).startswith("-") for one in args)
        words[named] = options.get("default", flag if optional and "required" not in options else Value())
    elif name == "set_defaults":
        words.update(options)
    elif name in ("parse_args", "add_argument_group", "add_mutually_exclusive_group"):
        return owner
    elif name in ("parse_known_args",):
        return Items("tuple", [owner, Value()], [], True, owner.place)
    return Value()


def fitted(owner: Made, name: str, args: list[Value], place: Place) -> Value:
    """A scaler scales, a split tells rows."""
    first = args[0] if args else Value()
    if name in ("fit", "partial_fit"):
        return owner
    if name in ("transform", "fit_transform"):
        return Tensor("scaled", (first,), place, {"fit": Known(True)} if name == "fit_transform" else {}, owner)
    if name == "split":
        halves: list[Value] = [
            Tensor("split_rows", (Known(i), Known(turn)), place) for turn in range(2) for i in range(2)
        ]
        return Items("list", [Items("tuple", halves[i : i + 2], [], True, place) for i in (0, 2)], [], False, place)
    return Tensor(name, (first,), place) if name in ("predict", "predict_proba", "inverse_transform") else Value()


def of_items(run: Run, owner: Items, name: str, args: list[Value], options: Options, place: Place) -> Value:
    """A list grows, a dict tells its items."""
    if name in ("append", "add", "appendleft") and args:
        grow(run, owner, args[:1])
    elif name == "insert" and len(args) == 2:
        owner.items.append(args[1])
        owner.whole = False
    elif name in ("extend", "update") and args and owner.kind != "dict":
        grow(run, owner, run.items(args[0], place)[0])
    elif name == "update":
        more = keyed(run, args, options, place)
        if isinstance(more, Items):
            for key, one in zip(more.keys, more.items, strict=True):
                run.keep("", one, one.place if isinstance(one, Items | Made | Tensor) else place)
                run.put(owner, key, one)
            owner.whole = owner.whole and more.whole
    elif name in ("pop", "clear", "remove", "sort", "reverse") and owner.kind != "dict":
        owner.whole = False
        return owner.items[-1] if name == "pop" and owner.items and not args else Value()
    elif name == "copy":
        return Items(owner.kind, list(owner.items), list(owner.keys), owner.whole, place, owner.repeated, run.cut)
    elif name == "items":
        pairs: list[Value] = [
            Items("tuple", [key, one], [], True, place) for key, one in zip(owner.keys, owner.items, strict=False)
        ]
        return Items("list", pairs, [], owner.whole, place)
    elif name == "values":
        return Items("list", owner.items, [], owner.whole, place)
    elif name == "keys":
        return Items("list", owner.keys, [], owner.whole, place)
    elif name in ("get", "pop", "setdefault") and args:
        return chosen_by(run, owner, name, args, place)
    return Value()


def chosen_by(run: Run, owner: Items, how: str, args: list[Value], place: Place) -> Value:
    """`owner.get(key, default)`."""
    wanted = args[0].value if isinstance(args[0], Known) else None
    there = any(isinstance(key, Known) and key.value == wanted for key in owner.keys)
    if there or not isinstance(args[0], Known):
        return run.item(owner, args[0], place)
    if how == "setdefault" and len(args) > 1:
        run.put(owner, args[0], args[1])
    return (args[1] if len(args) > 1 else Known(None)) if owner.whole else Value()
