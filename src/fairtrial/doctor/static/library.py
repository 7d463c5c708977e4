"""What the names of torch and of Python mean to whoever follows a script: what they make, what they do."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from fairtrial.doctor.static.trace import What
from fairtrial.doctor.static.values import (
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
    Tensor,
    Value,
    options_of,
)

Options = Mapping[str, Value]


class Run(Protocol):
    """The part of a follower that the meanings need."""

    unsure: int
    grad: bool
    inside: int

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
    return {name: one for name, one in options.items() if name in ("std", "val", "a", "b", "max_norm", "strict")}


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
    """A sum, difference, product or quotient of two numbers."""
    if not isinstance(left, int | float) or not isinstance(right, int | float) or abs(left) + abs(right) > 1e15:
        return Value()
    table: dict[type[ast.operator], Callable[[float, float], float]] = {
        ast.Add: lambda a, b: a + b,
        ast.Sub: lambda a, b: a - b,
        ast.Mult: lambda a, b: a * b,
    }
    if isinstance(operator, ast.Div | ast.FloorDiv) and right:
        return Known(left / right if isinstance(operator, ast.Div) else left // right)
    if type(operator) in table:
        return Known(table[type(operator)](left, right))
    return Value()


def call(run: Run, name: str, args: list[Value], options: Options, place: Place) -> Value:
    """A call of a library's function or class."""
    root, _, _ = name.partition(".")
    last = name.rpartition(".")[2]
    if name.startswith("torch.optim.lr_scheduler."):
        return made(run, "scheduler", last, args, options, place)
    if name.startswith(("torch.optim.", "torch.optim")) and last[:1].isupper():
        kind: MadeKind = "optimizer" if last in OPTIMIZERS else "generator"
        return made(run, kind, last, args, options, place)
    if name.startswith("torch.nn.init."):
        run.note("init", args[0] if args else Value(), place, *args[1:], name=last, **given(options))
        return args[0] if args else Value()
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
        return Value() if last[:1].isupper() else function(run, last, args, options, place)
    return python(run, name, last, args, options, place)


def python(run: Run, name: str, last: str, args: list[Value], options: Options, place: Place) -> Value:
    """A call of Python's own library, or of one that is not known."""
    first = args[0] if args else Value()
    if last in ("tqdm", "trange", "iter", "list", "tuple", "sorted", "reversed", "cycle", "track") and args:
        return made(run, "iterator", last, args, {}, place) if last == "iter" and isinstance(first, Made) else first
    if last == "next" and args:
        return taken(run, first, place)
    if last in ("range", "isinstance"):
        return Tensor(last, tuple(args), place)
    if last == "enumerate" and args:
        return _numbered(first, place)
    if last == "zip":
        return Items("list", [Items("tuple", [_one(one, place) for one in args], [], True, place)], [], False, place)
    if name == "builtins.print":
        run.note("printed", Value(), place, *args)
    if name == "builtins.len" and args:
        return Tensor("len", (first,), place)
    if name in ("builtins.sum", "builtins.int", "builtins.float", "builtins.round", "builtins.abs"):
        return Tensor(last, tuple(args), place)
    if name == "builtins.dict":
        return (
            Items("dict", list(options.values()) or args, [Known(k) for k in options], bool(options), place)
            if not (args and isinstance(first, Made))
            else first
        )
    if name.partition(".")[0] not in HARMLESS_LIBRARIES and not name.startswith("builtins."):
        run.lend(Library(name), args, options, place, name)
    if last == "setattr":
        run.lend(Library(name), args, options, place, name)
    return Value()


def _one(over: Value, place: Place) -> Value:
    if isinstance(over, Made) and over.kind in ("loader", "dataset"):
        return Items("tuple", [Tensor("input", (over,), place), Tensor("label", (over,), place)], [], True, place)
    if isinstance(over, Items) and over.items:
        return over.items[0]
    return Tensor("row", (over,), place) if isinstance(over, Tensor) else Value()


def _numbered(over: Value, place: Place) -> Value:
    if isinstance(over, Items | Layer):
        items = over.items if isinstance(over, Items) else over.children
        pairs: list[Value] = [Items("tuple", [Value(), one], [], True, place) for one in items]
        return Items("list", pairs, [], not isinstance(over, Items) or over.whole, place)
    return Items("list", [Items("tuple", [Value(), _one(over, place)], [], True, place)], [], False, place)


def taken(run: Run, source: Value, place: Place) -> Value:
    """`next(iterator)`: a batch; of a loader's new iterator it is the first one again."""
    if isinstance(source, Made) and source.kind == "iterator":
        run.note("next", source, place)
        return _one(source.args[0], place)
    if isinstance(source, Made) and source.kind == "parameters":
        return Made("parameter", "one", source.args, {}, source.place)
    return Value()


def copied(first: Value, deep: bool, place: Place) -> Value:
    """A copy: of a state it matters how deep."""
    if isinstance(first, Made) and first.kind == "state" and deep:
        return Made("copied state", first.name, first.args, first.options, place)
    if isinstance(first, Layer):
        return Layer(place, first.kind, first.args, first.options, list(first.children))
    if isinstance(first, Instance):
        return Instance(place, first.cls, dict(first.attributes))
    return first if isinstance(first, Made) else Value()


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
        first = args[0] if args else Value()
        parts: list[Value] = [Made("dataset", "random_split", (first,), options, place) for _ in range(3)]
        count = len(args[1].items) if len(args) > 1 and isinstance(args[1], Items) else 2
        return Items("list", parts[:count], [], True, place)
    return made(run, "loader" if last == "DataLoader" else "dataset", last, args, options, place)


def apply(run: Run, one: Layer, args: list[Value], options: Options, place: Place) -> Value:
    """What a layer makes of its input."""
    if one.kind in LOSSES:
        return loss(run, LOSSES[one.kind], args, {**one.options, **options}, place, one)
    if one.kind in ("ModuleList", "ModuleDict"):
        return Value()
    if one.kind == "Sequential":
        x: Value = args[0] if args else Value()
        run.inside += 1
        for child in one.children:
            x = run.call(child, [x], {}, child.place if isinstance(child, Layer) else place)
        run.inside -= 1
    else:
        op = ACTIVATIONS.get(one.kind) or ("linear" if one.kind in LINEAR else one.kind)
        x = Tensor(op, tuple(args), place, {**one.options, **positional(one.kind, one.args)}, one)
    run.note("layer", one, place, x, *args)
    if not run.inside:
        run.note("pass", one, place, x, *args, training=Known(one.training))
    return x


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
        run.note("saved", args[0] if args else Value(), place)
        return Value()
    if name in ("set_num_threads", "use_deterministic_algorithms"):
        return Value()
    flat: list[Value] = []
    for one in args:
        flat += one.items if isinstance(one, Items) and name in ("cat", "stack", "concat") else [one]
    op = {"linear": "linear", "conv2d": "linear", "conv1d": "linear"}.get(name, name)
    found = Tensor(op, tuple(flat), place, {**options, **positional(name, args[1:])})
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
    if name in STEPS:
        return steps(run, owner, name, args, options, place)
    if isinstance(owner, Module):
        return of_module(run, owner, name, args, options, place)
    if isinstance(owner, Tensor):
        return of_tensor(run, owner, name, args, options, place)
    if isinstance(owner, Made):
        return of_made(run, owner, name, args, options, place)
    if isinstance(owner, Items):
        return of_items(run, owner, name, args, options, place)
    if (isinstance(owner, Method) and owner.name == "super()") or name == "super()":
        return Value()
    if name in ("manual_seed", "seed"):
        return owner
    if name in FROM_ANYTHING:
        return function(run, name, [owner, *args], options, place)
    run.lend(owner, args, options, place, name)
    return Value()


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
        run.note("step", optimizer, place, name="closure" if isinstance(closure, Function) else "")
    elif name == "zero_grad":
        run.note("zero", owner, place)
    elif not isinstance(owner, Made | Tensor):
        run.lend(owner, args, options, place, name)
    return Value()


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
        return Made("parameters", name, (owner,), {}, place)
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
            owner.children += args[0].items if args and isinstance(args[0], Items) else args[-1:]
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
        run.note("zero" if owner.op == "grad" else "step", owner, place)
        return owner
    if name in ("add_", "sub_", "mul_", "copy_", "lerp_") and owner.op == "Parameter":
        run.note("step", owner, place)
        return owner
    return function(run, name, [owner, *args], options, place)


def of_made(run: Run, owner: Made, name: str, args: list[Value], options: Options, place: Place) -> Value:
    """A method of a library's object."""
    if owner.kind == "scaler":
        return args[0] if name == "scale" and args else Value()
    if owner.kind == "state" and name in ("items", "values", "keys", "copy"):
        if name == "copy":
            return owner
        one: Value = Tensor("state value", (owner,), place)
        return Items(
            "list", [Items("tuple", [Value(), one], [], True, place) if name == "items" else one], [], False, place
        )
    if owner.kind == "parameter" and name == "requires_grad_":
        run.note("freeze", owner, place, *(args or [Known(True)]))
        return owner
    if owner.kind == "parameter" and name.endswith("_"):
        run.note("step", owner, place)
        return owner
    if owner.kind == "loader" and name == "dataset":
        return owner.args[0] if owner.args else Value()
    if owner.kind in ("parameter", "dataset", "generator"):
        return Value()
    if name not in ("state_dict", "load_state_dict", "get_last_lr", "param_groups"):
        run.lend(owner, args, options, place, name)
    return Value()


def of_items(run: Run, owner: Items, name: str, args: list[Value], options: Options, place: Place) -> Value:
    """A list grows, a dict tells its items."""
    if name == "append" and args:
        owner.items.append(args[0])
        owner.whole = False
    elif name == "extend" and args and isinstance(args[0], Items):
        owner.items += args[0].items
        owner.whole = False
    elif name == "items":
        pairs: list[Value] = [
            Items("tuple", [key, one], [], True, place) for key, one in zip(owner.keys, owner.items, strict=False)
        ]
        return Items("list", pairs, [], owner.whole, place)
    elif name == "values":
        return Items("list", owner.items, [], owner.whole, place)
    elif name in ("get", "pop") and args:
        found = [one for key, one in zip(owner.keys, owner.items, strict=False) if isinstance(key, Known)]
        return Either(tuple(found[:4])) if len(found) > 1 else Value()
    return Value()
