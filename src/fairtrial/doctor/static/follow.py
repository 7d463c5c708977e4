"""Follows a script's source from its first line: each statement once, loops twice, both sides of a condition.

Nothing of the script is executed or imported; modules beside it are read in the same way. Where a value is not known,
whatever is done with it is not known either.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairtrial.doctor.static import library
from fairtrial.doctor.static.facts import count
from fairtrial.doctor.static.trace import Event, Loop, Trace, What, ancestors
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
    Method,
    Module,
    Names,
    Parent,
    Place,
    Scope,
    Slice,
    Tensor,
    Value,
    either,
    number,
    same,
)

MOST_STEPS = 60_000  # statements and expressions: about half a second
DEEPEST = 24  # calls within calls
MOST_BRANCHES = 8  # of an if with its elifs, where the source does not decide it
MOST_ITEMS = 12  # of a list that is looped over one by one


# Methods that only a loop calls which trains or evaluates: two of its turns tell all; others are followed to their end.
TEACHING = frozenset({"backward", "step", "zero_grad", "train", "eval", "argmax", "item", "no_grad", "inference_mode"})
COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.In: lambda one, several: one in several, ast.NotIn: lambda one, several: one not in several,
}  # fmt: skip


class GaveUp(Exception):
    """The source is too long or too deep to be followed."""


@dataclass
class Frame:
    """A call that is being followed."""

    node: ast.AST | None
    unsure: int = 0  # conditions around the call
    returned: list[Value] = field(default_factory=list[Value])
    yielded: list[Value] = field(default_factory=list[Value])
    ended: bool = False
    within: tuple[list[ast.withitem], Sequence[ast.stmt], Scope] | None = None  # the with-block of a context manager


class Follower:
    """Where the reading stands: what is done so far, and under which conditions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self.frames: list[Frame] = [Frame(None)]
        self.loops: list[Loop] = []
        self.unsure = 0
        self.grad = True
        self.steps = 0
        self.files: dict[str, Scope] = {}
        self.called: set[int] = set()
        self.functions: list[Function] = []
        self.inside = 0  # modules' forward calls
        self.stack: list[Place] = []  # of the calls that are being followed
        self.tests: list[Value] = []  # of the conditions around
        self.cut = 0  # loops around of which not all turns are followed
        self.example: Value | None = None  # the data set of which an example is being made
        self.loads: set[str] = set()  # names that are read in any file
        self.reads: dict[int, set[str]] = {}  # names that are read in a function
        self.examples: dict[int, Value] = {}  # of data sets that the script defines
        self.teaching: frozenset[str] = TEACHING
        self.within: tuple[list[ast.withitem], Sequence[ast.stmt], Scope] | None = None  # of the call to come

    # What is done

    def note(self, what: What, subject: Value, place: Place, *args: Value, name: str = "", **options: Value) -> None:
        """Write down that something is done."""
        sure = not self.unsure
        self.events.append(
            Event(
                what,
                subject,
                place,
                sure,
                self.grad,
                tuple(self.loops),
                args,
                options,
                name,
                tuple(self.stack),
                tuple(self.tests),
            ),
        )

    def spend(self) -> None:
        """Count a step, and give up on sources without end."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise GaveUp(f"more than {MOST_STEPS} steps")

    @contextmanager
    def perhaps(self) -> Generator[None]:
        """What is inside may be done or not."""
        self.unsure += 1
        try:
            yield
        finally:
            self.unsure -= 1

    @contextmanager
    def gradients(self, on: bool) -> Generator[None]:
        """Inside, gradients are recorded or not."""
        before, self.grad = self.grad, on
        try:
            yield
        finally:
            self.grad = before

    # Statements

    def block(self, body: Sequence[ast.stmt], scope: Scope) -> None:
        """Statements one after the other, until one leaves."""
        for statement in body:
            if self.frames[-1].ended:
                return
            self.spend()
            self.statement(statement, scope)

    def statement(self, node: ast.stmt, scope: Scope) -> None:
        """One statement."""
        match node:
            case ast.Expr(value):
                self.value(value, scope)
            case ast.Assign(targets, value):
                made = self.value(value, scope)
                if isinstance(made, Tensor) and isinstance(value, ast.Call) and self.unread(targets, scope):
                    self.note("idle", made, self.at(node, scope))
                for target in targets:
                    self.assign(target, made, scope)
            case ast.AnnAssign(target, _, value) if value:
                self.assign(target, self.value(value, scope), scope)
            case ast.AugAssign(target, operator, value):
                self.augmented(target, operator, self.value(target, scope), self.value(value, scope), scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                made = Function(node, scope)
                self.functions.append(made)
                scope.bind(node.name, self.decorated(made, scope))
            case ast.ClassDef():
                scope.bind(node.name, self.class_(node, scope))
            case ast.Return(value):
                self.frames[-1].returned.append(self.value(value, scope) if value else Known(None))
                self.frames[-1].ended = self.unsure == self.frames[-1].unsure
            case ast.Break():
                self.note("left", Value(), self.at(node, scope))
            case ast.Raise() | ast.Continue():
                pass
            case ast.If():
                self.branch(node, scope)
            case ast.For() | ast.AsyncFor():
                self.loop(node, scope)
            case ast.While():
                self.value(node.test, scope)
                self.turns(node, [Value(), Value()], False, Value(), None, node.body, scope)
                self.block(node.orelse, scope)
            case ast.With() | ast.AsyncWith():
                self.guarded(list(node.items), node.body, scope)
            case ast.Try() | ast.TryStar():
                self.block(node.body, scope)
                with self.perhaps():
                    for handler in node.handlers:
                        self.block(handler.body, scope)
                    self.block(node.orelse, scope)
                frame = self.frames[-1]
                ended, frame.ended = frame.ended, False  # finally comes after a return, too
                self.block(node.finalbody, scope)
                frame.ended = frame.ended or ended
            case ast.Match():
                self.value(node.subject, scope)
                with self.perhaps():
                    for case in node.cases:
                        self.block(case.body, scope)
            case ast.Import(names):
                for alias in names:
                    top = alias.name if alias.asname else alias.name.partition(".")[0]
                    beside = self.beside(top)
                    scope.bind(alias.asname or top, Library(top) if beside is None else Names(beside))
            case ast.ImportFrom():
                self.import_from(node, scope)
            case ast.Global(names) | ast.Nonlocal(names):
                scope.shared.update(names)
            case ast.Delete(targets):
                for target in targets:
                    if isinstance(target, ast.Name):
                        scope.bind(target.id, Value())
            case ast.Assert(test):
                self.value(test, scope)
            case _:
                pass

    def unread(self, targets: Sequence[ast.expr], scope: Scope) -> bool:
        """Whether nothing in the function reads a name that is given here."""
        around = self.frames[-1].node
        parts = [one for target in targets for one in ast.walk(target)]
        if around is None or any(isinstance(one, ast.Attribute | ast.Subscript) for one in parts):
            return False
        if id(around) not in self.reads:
            self.reads[id(around)] = loads_of(around)
        read = self.reads[id(around)] | scope.shared
        return not any(isinstance(one, ast.Name) and one.id in read for one in parts)

    def decorated(self, made: Function, scope: Scope) -> Value:
        """A function, or what decorators of the script make of it."""
        result: Value = made
        if isinstance(made.node, ast.FunctionDef):
            for node in reversed(made.node.decorator_list):
                by = self.value(node, scope)
                if isinstance(by, Function):
                    result = self.enter(by, [result], {}, self.at(node, scope))
        return result

    def at(self, node: ast.AST, scope: Scope) -> Place:
        """The place of a node."""
        return Place(scope.path, getattr(node, "lineno", 0))

    def class_(self, node: ast.ClassDef, scope: Scope) -> Class:
        """A class, its body followed with its own names."""
        inner = Scope({}, scope, scope.path)
        bases = tuple(self.value(base, scope) for base in node.bases)
        fields = tuple(one for base in bases if isinstance(base, Class) for one in base.fields)
        fields += tuple(
            one.target.id for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        )
        made = Class(node.name, bases, inner.names, self.at(node, scope), fields)
        inner.names["__class__"] = made
        self.block(node.body, inner)
        return made

    def import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        """Names of a library, or of a file beside the script."""
        beside = self.beside(node.module or "")
        for alias in node.names:
            inner = self.beside(f"{node.module}.{alias.name}" if node.module else alias.name)
            if beside is not None and alias.name == "*":
                scope.names.update({k: v for k, v in beside.names.items() if not k.startswith("_")})
            elif inner is not None:
                scope.bind(alias.asname or alias.name, Names(inner))
            elif beside is not None:
                scope.bind(alias.asname or alias.name, beside.find(alias.name) or Value())
            elif alias.name == "*":
                scope.names.update(library.star(node.module or ""))
            else:
                scope.bind(alias.asname or alias.name, Library(f"{node.module}.{alias.name}"))

    def beside(self, module: str) -> Scope | None:
        """The names of a module that lies beside the script, read the same way."""
        stem = self.folder / module.replace(".", "/")
        path = next((one for one in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py") if one.is_file()), None)
        if path is None or not module or len(self.files) > 20:
            return None
        if str(path) not in self.files:
            scope = self.files[str(path)] = Scope({"__name__": Known(module)}, None, str(path))
            try:
                tree = ast.parse(path.read_bytes())
            except (SyntaxError, ValueError):
                return scope
            self.teaching |= teaching(tree, self.teaching)
            self.loads |= loads_of(tree)
            frame = Frame(tree, self.unsure)
            self.frames.append(frame)
            self.block(tree.body, scope)
            self.frames.pop()
        return self.files[str(path)]

    def branch(self, node: ast.If, scope: Scope) -> None:
        """Both sides of a condition, unless the source decides it."""
        test = self.value(node.test, scope)
        if isinstance(test, Known):
            self.block(node.body if test.value else node.orelse, scope)
            return
        if alternatives(node) > MOST_BRANCHES:
            self.skipped(node, scope)
            return
        before = dict(scope.names)
        with self.perhaps():
            self.tests.append(test)
            self.block(node.body, scope)
            self.tests.pop()
            after, scope.names = scope.names, before
            self.block(node.orelse, scope)
        for name in after.keys() | scope.names.keys():
            if after.get(name) is not scope.names.get(name):
                scope.names[name] = either(after.get(name), scope.names.get(name))

    def skipped(self, node: ast.If, scope: Scope) -> None:
        """One of very many alternatives: what they assign and give back may be anything."""
        inside = list(ast.walk(node))
        for one in inside:
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                scope.bind(one.id, Value())
        if any(isinstance(one, ast.Return) for one in inside):
            self.frames[-1].returned.append(Value())

    def loop(self, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
        """A loop, followed twice, or item by item through a short list."""
        over = self.value(node.iter, scope)
        items, whole = self.items(over, self.at(node, scope), twice=self.teaches(node.body))
        self.turns(node, items, whole, over, node.target, node.body, scope)
        self.block(node.orelse, scope)

    def teaches(self, body: Sequence[ast.stmt]) -> bool:
        """Whether anything is called in it that trains or evaluates."""
        return bool(called_in(body) & self.teaching)

    def turns(
        self,
        node: ast.AST,
        items: list[Value],
        whole: bool,
        over: Value,
        target: ast.expr | None,
        body: Sequence[ast.stmt],
        scope: Scope,
    ) -> None:
        """The body once for each item; what is appended in it is not all where these are not all."""
        self.cut += not whole
        for turn, item in enumerate(items):
            self.loops.append(Loop(id(node), over, turn, ast.unparse(target) if target else ""))
            if target is not None:
                self.assign(target, item, scope)
            self.block(body, scope)
            self.loops.pop()
        self.cut -= not whole

    def items(self, over: Value, place: Place, twice: bool = False) -> tuple[list[Value], bool]:
        """What a loop goes through: all of a short list, else two examples; and whether that is all."""
        match over:
            case Items(kind, items, keys, whole):
                wanted = keys if kind == "dict" else items
                whole = whole and len(wanted) <= MOST_ITEMS
                return wanted[:MOST_ITEMS] if whole or len(wanted) > 1 else wanted * 2, whole
            case Layer(kind="Sequential" | "ModuleList") if over.children:
                return over.children[:MOST_ITEMS], len(over.children) <= MOST_ITEMS
            case Made("loader" | "dataset"):
                return [self.batch(over, place) for _ in range(2)], False
            case Made("parameters" | "modules"):
                one = Made("parameter" if over.kind == "parameters" else "modules", "one", over.args, {}, over.place)
                named = Items("tuple", [Value(), one], [], True, place)
                return [named if over.name.startswith("named_") else one], False
            case Made("iterator", "enumerate"):
                several, whole = self.items(over.args[0], place, twice)
                return [Items("tuple", [Known(i) if whole else Value(), one], [], True, place)
                        for i, one in enumerate(several)], whole  # fmt: skip
            case Made("iterator", "zip"):
                each = [self.items(one, place, twice) for one in over.args]
                least = min((len(several) for several, _ in each), default=0)
                return [Items("tuple", [several[i] for several, _ in each], [], True, place)
                        for i in range(least)], all(whole for _, whole in each)  # fmt: skip
            case Made("iterator"):
                return self.items(over.args[0], place, twice)
            case Tensor(op="range"):
                return self.counted(over, twice)
            case Tensor(op="split" | "chunk" | "array_split" | "split_rows") if over.parents:
                return [Tensor("getitem", over.parents[:1], place, {"index": Slice(Value())}) for _ in range(2)], False
            case Tensor():
                return [Tensor("row", (over,), place) for _ in range(2)], False
            case Instance() if isinstance(begin := over.cls.member("__iter__"), Function):
                return self.items(self.enter(Function(begin.node, begin.scope, over), [], {}, place), place, twice)
            case Instance() if isinstance(over.cls.member("__getitem__"), Function):
                return [self.item(over, Value(), place) for _ in range(2)], False
            case Either(options) if any(isinstance(one, Made) and one.kind == "loader" for one in options):
                return [self.batch(over, place) for _ in range(2)], False
            case Either(options):
                return self.items(options[0], place, twice)[0], False
            case _:
                return [Value(), Value()], False

    def counted(self, over: Tensor, twice: bool) -> tuple[list[Value], bool]:
        """The turns of a range: numbers where it is short and builds something, else two that stand for all."""
        bounds = [count(one) for one in over.parents]
        if all(one is not None and one == int(one) for one in bounds):
            numbers = range(*(int(one) for one in bounds if one is not None)) if bounds[2:] != [0.0] else range(0)
            if len(numbers) <= 1 or (not twice and len(numbers) <= MOST_ITEMS):
                return [Known(one) for one in numbers], True
        return [Tensor("row", (over,), over.place) for _ in range(2)], False

    def batch(self, source: Value, place: Place) -> Value:
        """An example batch of a loader: inputs and labels, and the data that they are taken from."""
        columns = self.columns(source, place)
        names, values = (columns.keys, columns.items) if isinstance(columns, Items) else ([], [Value(), Value()])
        told = [key.value for key in names if isinstance(key, Known)]
        labels = [i for i, name in enumerate(told) if str(name).startswith(("label", "target", "y"))] or [
            len(values) - 1
        ]
        made: list[Value] = [
            Tensor("label" if i in labels and len(values) > 1 else "input", (source,), place, {"of": one})
            for i, one in enumerate(values)
        ]
        if not made or (len(made) == 1 and not isinstance(columns, Items)):
            return Value()
        return Items("dict" if told else "tuple", made, names, True, place)

    def columns(self, source: Value, place: Place) -> Value:
        """What one example of a data set holds, or of the data set that a loader or a part goes through."""
        match source:
            case Made("loader", _, args) if args or "dataset" in source.options:
                return self.columns(args[0] if args else source.options["dataset"], place)
            case Made("dataset", "TensorDataset", args) if args:
                return Items("tuple", list(args), [], True, place)
            case Made("dataset", "Subset" | "random_split", (base, *rest)):
                inner = self.columns(base, place)
                index = rest[0] if rest else source
                if isinstance(inner, Items):
                    picked: list[Value] = [Tensor("getitem", (one,), place, {"index": index}) for one in inner.items]
                    return Items(inner.kind, picked, inner.keys, True, place)
                return inner
            case Made("iterator", "zip", args):
                return Items("tuple", list(args), [], True, place)
            case Instance():
                if id(source) not in self.examples:
                    before, self.example = self.example, source
                    self.examples[id(source)] = self.item(source, Tensor("example", (), place), place)
                    self.example = before
                return self.examples[id(source)]
            case Items("list", [Items("tuple") as first, *_]):
                return first
            case _:
                return Value()

    def guarded(self, items: list[ast.withitem], body: Sequence[ast.stmt], scope: Scope) -> None:
        """A with-block: gradients off, autocast on, or anything else."""
        if not items:
            self.block(body, scope)
            return
        call = items[0].context_expr
        target = self.value(call.func, scope) if isinstance(call, ast.Call) else None
        if isinstance(target, Function) and "contextmanager" in library.decorators(target.node):
            self.within = (items, body, scope)
            self.value(call, scope)
            return
        entered = made = self.value(call, scope)
        if isinstance(made, Instance) and isinstance(begin := made.cls.member("__enter__"), Function):
            entered = self.enter(Function(begin.node, begin.scope, made), [], {}, self.at(call, scope))
        if target := items[0].optional_vars:
            self.assign(target, entered, scope)
        match entered:
            case Made("guard", "no_grad" | "inference_mode"):
                with self.gradients(False):
                    self.guarded(items[1:], body, scope)
            case Made("guard", "enable_grad"):
                with self.gradients(True):
                    self.guarded(items[1:], body, scope)
            case Made("guard", "set_grad_enabled", (Known(False), *_)):
                with self.gradients(False):
                    self.guarded(items[1:], body, scope)
            case _:
                self.guarded(items[1:], body, scope)
        if isinstance(made, Instance) and isinstance(end := made.cls.member("__exit__"), Function):
            self.enter(Function(end.node, end.scope, made), [Known(None)] * 3, {}, self.at(call, scope))

    def resume(self, given: Value) -> None:
        """At the yield of a context manager of the script, the with-block is run where it is written."""
        frame, place = self.frames.pop(), self.stack.pop()
        (first, *rest), body, scope = frame.within or ([], [], Scope({}, None, ""))
        if first.optional_vars:
            self.assign(first.optional_vars, given, scope)
        self.guarded(rest, body, scope)
        self.frames.append(frame)
        self.stack.append(place)

    # Assignment

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a name, an attribute or several names their values."""
        match target:
            case ast.Name(name):
                self.keep(name, value, self.at(target, scope))
                changed = (
                    isinstance(value, Tensor) and value.op in ("sub", "add") and not isinstance(scope.find(name), Known)
                )
                told = self.loops[-1].name.strip("()").replace(",", " ").split() if self.loops else []
                if changed and name in told and any(one.op == "grad" for one in ancestors(value)):
                    self.note("lost", value, self.at(target, scope), name=name)  # the loop's name, not the list's item
                scope.bind(name, value)
            case ast.Tuple(parts) | ast.List(parts):
                for part, one in zip(parts, self.unpacked(value, parts, self.at(target, scope)), strict=True):
                    self.assign(part, one, scope)
            case ast.Starred(inner):
                self.assign(inner, value, scope)
            case ast.Attribute(inner, name):
                self.keep(name, value, self.at(target, scope))
                self.set_attribute(self.value(inner, scope), name, value, self.at(target, scope))
            case ast.Subscript(inner, index):
                self.set_item(self.value(inner, scope), self.value(index, scope), value, self.at(target, scope))
            case _:
                pass

    def keep(self, name: str, value: Value, place: Place) -> None:
        """Write down that a model's state gets a name."""
        inside = value.items if isinstance(value, Items) else [value]
        if any(isinstance(one, Made) and one.kind in ("state", "copied state") for one in inside) or any(
            one.op == "state value" for item in inside for one in ancestors(item)
        ):
            self.note("kept", value, place, name=name)

    def stored(self, path: Value) -> Value | None:
        """What was saved there: a copy, for a state."""
        saved = [e for e in self.events if e.what == "saved" and e.args and same(e.args[0], path)]
        one = saved[-1].subject if saved else None
        return library.copied(one, True, saved[-1].place) if one is not None else None

    def unpacked(self, value: Value, parts: list[ast.expr], place: Place) -> list[Value]:
        """As many values as there are targets."""
        stars = any(isinstance(part, ast.Starred) for part in parts)
        match value:
            case Items("list" | "tuple", items) if value.whole and len(items) == len(parts) and not stars:
                return items
            case Items("list" | "tuple", items) if value.whole and stars and len(items) >= len(parts) - 1:
                at = next(i for i, part in enumerate(parts) if isinstance(part, ast.Starred))
                after = len(items) - (len(parts) - 1 - at)
                middle = Items("list", items[at:after], [], True, place)
                return [*items[:at], middle, *items[after:]]
            case Made("iterator"):
                several, whole = self.items(value, place)
                return self.unpacked(Items("list", several, [], whole, place), parts, place)
            case Made("dataset"):
                return [Made("dataset", value.name, value.args, value.options, value.place) for _ in parts]
            case Tensor():
                return [Tensor("part", (value,), place, {"index": Known(i)}) for i in range(len(parts))]
            case _:
                if stars:
                    return [Value() for _ in parts]
                return [self.item(value, Known(i), place) for i in range(len(parts))]

    def set_attribute(self, owner: Value, name: str, value: Value, place: Place) -> None:
        """What is known of an object after `owner.name = value`."""
        if name == "grad" or (isinstance(owner, Tensor) and owner.op == "grad"):
            emptied = name != "grad" or (isinstance(value, Known) and value.value is None)
            self.note("zero" if emptied else "given", owner, place)
        elif name == "requires_grad":
            self.note("freeze" if isinstance(owner, Made) else "flag", owner, place, value)
        elif isinstance(owner, Instance):
            if isinstance(value, Items | Module):
                self.note("module", owner, place, value, name=name)
            if id(owner) in self.examples:
                self.note("set", owner, place, Known(name), value)  # of its data: examples may be others from now on
            old = owner.attributes.get(name)
            owner.attributes[name] = either(old, value) if self.unsure and old is not None else value
        elif isinstance(owner, Layer):
            self.note("lent", owner, place, owner, value)
            owner.children.append(value)
        elif isinstance(owner, Made) and owner.kind in ("dataset", "parser"):
            old = owner.options.get(name)
            changed = either(old, value) if self.unsure and owner.kind == "parser" and old is not None else value
            owner.options = {**owner.options, name: changed}
        elif isinstance(owner, Tensor) and name == "data":
            self.note("lent", owner, place, owner)

    def set_item(self, owner: Value, index: Value, value: Value, place: Place) -> None:
        """What is known of a list or dict after `owner[index] = value`."""
        if isinstance(owner, Layer):
            at = index.value if isinstance(index, Known) else None
            if isinstance(at, int) and -len(owner.children) <= at < len(owner.children):
                owner.children[at] = value
        elif isinstance(owner, Items):
            self.keep("", value, place)
            self.put(owner, index, value)
        elif isinstance(owner, Tensor):
            self.note("set", owner, place, index, value)

    def put(self, owner: Items, index: Value, value: Value) -> None:
        """`owner[index] = value` of a list or dict."""
        known = [key.value for key in owner.keys if isinstance(key, Known)] if owner.kind == "dict" else []
        if isinstance(index, Known) and index.value in known and len(known) == len(owner.keys):
            at = known.index(index.value)
            owner.items[at] = either(owner.items[at], value) if self.unsure else value
        elif owner.kind == "dict":
            owner.items.append(value)
            owner.keys.append(index)
            owner.whole = owner.whole and not self.unsure and isinstance(index, Known)
        elif isinstance(index, Known) and isinstance(index.value, int) and abs(index.value) < len(owner.items):
            owner.items[index.value] = value
        else:
            owner.whole = False

    def augmented(self, target: ast.expr, operator: ast.operator, old: Value, new: Value, scope: Scope) -> None:
        """`target += value` is an assignment; with a gradient in it, it is a step by hand."""
        place = self.at(target, scope)
        base = old.parents[0] if isinstance(old, Tensor) and old.op in ("data", "detach") and old.parents else old
        grads = [one for one in ancestors(new) if one.op == "grad"]
        by_hand = (isinstance(old, Made) and old.kind == "parameter") or any(
            base in one.parents or len(one.parents) > 1
            for one in grads  # of torch.autograd.grad(loss, weights)
        )
        by_hand = by_hand and not any(one.op == "grad" for one in ancestors(old))  # that changes only gradients
        if by_hand:
            self.note("step", old, place, new, name=type(operator).__name__.lower())
        elif isinstance(old, Items) and isinstance(operator, ast.Add):
            library.grow(self, old, self.items(new, place)[0] if not isinstance(new, Items) else new.items)
            old.whole = old.whole and isinstance(new, Items) and new.whole
        elif self.cut and isinstance(operator, ast.Add) and _counts(old) and count(new) is not None:
            self.assign(target, Tensor("tally", (old, new), place), scope)
        else:
            self.assign(target, self.binary(old, operator, new, place), scope)

    # Values

    def value(self, node: ast.expr, scope: Scope) -> Value:
        """What an expression stands for."""
        self.spend()
        place = self.at(node, scope)
        match node:
            case ast.Constant(value):
                return Known(value)
            case ast.Name(name):
                found = scope.find(name)
                return found if found is not None else library.builtin(name)
            case ast.Attribute(inner, name):
                return self.attribute(self.value(inner, scope), name, place)
            case ast.Call():
                return self.call_node(node, scope)
            case ast.Tuple(parts) | ast.List(parts) | ast.Set(parts):
                kind = "tuple" if isinstance(node, ast.Tuple) else "list"
                items, whole = self.spread(parts, scope)
                return Items(kind, items, [], whole, place, around=self.cut)
            case ast.Dict(keys, values):
                found = [self.value(one, scope) for one in values]
                names = [self.value(key, scope) if key else Value() for key in keys]
                spread = [(key, one, name) for key, one, name in zip(keys, found, names, strict=True) if key is None]
                inner = [one for _, one, _ in spread if isinstance(one, Items) and one.kind == "dict"]
                plain = [(name, one) for key, one, name in zip(keys, found, names, strict=True) if key is not None]
                pairs = [pair for one in inner for pair in zip(one.keys, one.items, strict=False)] + plain
                whole = len(inner) == len(spread) and all(one.whole for one in inner)
                return Items(
                    "dict", [one for _, one in pairs], [key for key, _ in pairs], whole, place, around=self.cut
                )
            case ast.BinOp(left, operator, right):
                listed = left.elts if isinstance(left, ast.List) else []
                shared = bool(listed) and all(isinstance(one, ast.Name | ast.Attribute) for one in listed)
                return self.binary(self.value(left, scope), operator, self.value(right, scope), place, shared)
            case ast.UnaryOp(operator, inner):
                return self.unary(operator, self.value(inner, scope), place)
            case ast.Compare(left, operators, others):
                return self.compare(self.value(left, scope), operators, [self.value(o, scope) for o in others], place)
            case ast.BoolOp(how, values):
                return self.chosen(isinstance(how, ast.Or), values, scope)
            case ast.IfExp(test, body, orelse):
                decided = self.value(test, scope)
                if isinstance(decided, Known):
                    return self.value(body if decided.value else orelse, scope)
                with self.perhaps():
                    return either(self.value(body, scope), self.value(orelse, scope))
            case ast.Subscript(inner, index):
                return self.item(self.value(inner, scope), self.value(index, scope), place)
            case ast.Lambda():
                return Function(node, scope)
            case ast.ListComp(element) | ast.SetComp(element) | ast.GeneratorExp(element):
                return self.comprehension(node.generators, element, None, scope, place)
            case ast.DictComp(key, element):
                return self.comprehension(node.generators, element, key, scope, place)
            case ast.NamedExpr(target, inner):
                made = self.value(inner, scope)
                self.assign(target, made, scope)
                return made
            case ast.YieldFrom(inner):
                self.frames[-1].yielded += self.items(self.value(inner, scope), place)[0]
                return Value()
            case ast.Starred(inner) | ast.Await(inner):
                return self.value(inner, scope)
            case ast.Yield(inner) if self.frames[-1].within:
                self.resume(self.value(inner, scope) if inner else Known(None))
                return Value()
            case ast.Yield(inner):
                self.frames[-1].yielded.append(self.value(inner, scope) if inner else Known(None))
                return Value()
            case ast.JoinedStr(parts):
                told = [self.value(one.value if isinstance(one, ast.FormattedValue) else one, scope) for one in parts]
                words = [str(one.value) for one in told if isinstance(one, Known)]
                return Known("".join(words)) if len(words) == len(parts) else Value()
            case ast.Slice(lower, upper, step):
                return Slice(*(self.value(one, scope) if one else None for one in (lower, upper, step)))
            case _:
                return Value()

    def spread(self, parts: Sequence[ast.expr], scope: Scope) -> tuple[list[Value], bool]:
        """The values of a list's parts, with what stars bring, and whether that is all."""
        items: list[Value] = []
        whole = True
        for part in parts:
            one = self.value(part, scope)
            if not isinstance(part, ast.Starred):
                items.append(one)
            elif isinstance(one, Items):
                items += one.items
                whole = whole and one.whole
            else:
                several, all_ = self.items(one, self.at(part, scope))
                items += several
                whole = whole and all_
        return items, whole

    def chosen(self, first: bool, values: Sequence[ast.expr], scope: Scope) -> Value:
        """`a or b`, `a and b`: the first that is true, or that is not; where that cannot be told, one of them."""
        made: Value | None = None
        with self.perhaps():
            for node in values:
                one = self.value(node, scope)
                if isinstance(one, Known) and bool(one.value) == first:
                    return one if made is None else either(made, one)
                if not isinstance(one, Known):
                    if isinstance(one, Module | Made | Function | Class) and first:
                        return one if made is None else either(made, one)
                    made = one if made is None else either(made, one)
        return Known(not first) if made is None else made

    def comprehension(
        self, generators: list[ast.comprehension], element: ast.expr, key: ast.expr | None, scope: Scope, place: Place
    ) -> Value:
        """A list of as many items as the lists that it goes through have, or of two."""
        made = Items("dict" if key else "list", [], [], True, place, around=self.cut)
        self.each(generators, element, key, Scope({}, scope, scope.path), made)
        return made

    def each(
        self,
        generators: Sequence[ast.comprehension],
        element: ast.expr,
        key: ast.expr | None,
        scope: Scope,
        made: Items,
    ) -> None:
        """The items of a comprehension, through its `for`s from the outside to the inside."""
        if not generators:
            made.keys += [self.value(key, scope)] if key else []
            made.items.append(self.value(element, scope))
            return
        first = generators[0]
        over = self.value(first.iter, scope)
        several, whole = self.items(over, made.place, twice=bool(called_in([element]) & self.teaching))
        made.whole = made.whole and whole
        for turn, item in enumerate(several):
            self.loops.append(Loop(id(first), over, turn, ast.unparse(first.target)))
            self.assign(first.target, item, scope)
            tests = [self.value(test, scope) for test in first.ifs]
            if not any(isinstance(test, Known) and not test.value for test in tests):
                made.whole = made.whole and all(isinstance(test, Known) for test in tests)
                self.each(generators[1:], element, key, scope, made)
            self.loops.pop()

    def binary(self, left: Value, operator: ast.operator, right: Value, place: Place, shared: bool = False) -> Value:
        """What two values and an operator make; a list of names that is multiplied is shared on purpose."""
        if self.cut and _counts(left) and isinstance(operator, ast.Add) and number(right) == 1:
            return Tensor("tally", (left, right), place)  # in a loop of which not all turns are followed
        if isinstance(left, Known) and isinstance(right, Known):
            return library.arithmetic(left.value, operator, right.value)
        if isinstance(operator, ast.Mult) and isinstance(right, Items):
            left, right = right, left
        if isinstance(operator, ast.Mult) and isinstance(left, Items):
            times = count(right)
            known = times is not None and times * len(left.items) <= MOST_ITEMS
            if any(isinstance(one, Module) for one in left.items) and times != 1 and not shared:
                self.note("repeated", left, place)
            items = left.items * int(times if known and times is not None else 2)
            repeated = len(items) > len(left.items) and not shared
            return Items(left.kind, items, [], known and left.whole, place, repeated, self.cut)
        if isinstance(operator, ast.Add) and isinstance(left, Items) and isinstance(right, Items):
            repeated = left.repeated or right.repeated
            whole = left.whole and right.whole
            return Items(left.kind, [*left.items, *right.items], [], whole, place, repeated, self.cut)
        if isinstance(operator, ast.BitOr) and isinstance(left, Items) and isinstance(right, Items):
            return Items("dict", [*left.items, *right.items], [*left.keys, *right.keys], False, place)
        if isinstance(left, Instance | Known) and isinstance(right, Known | Instance):
            return Value()
        name = type(operator).__name__.lower()
        if isinstance(operator, ast.Div):
            self.note("divide", left, place, left, right)
        return library.by_hand(name, left, right, place) or Tensor(name, (left, right), place)

    def unary(self, operator: ast.unaryop, inner: Value, place: Place) -> Value:
        """A sign or a not."""
        match operator, inner:
            case ast.USub(), Known(int() | float() as one):
                return Known(-one)
            case ast.Invert(), Tensor():
                return Tensor("invert", (inner,), place)
            case ast.Not(), Known(one):
                return Known(not one)
            case ast.USub(), _:
                return Tensor("neg", (inner,), place)
            case _:
                return Value()

    def compare(self, left: Value, operators: list[ast.cmpop], others: list[Value], place: Place) -> Value:
        """Whether two known values are equal; a comparison of tensors is a tensor."""
        right = others[0]
        test = COMPARED.get(type(operators[0]))
        inside = _plain(right)
        if test and len(others) == 1 and isinstance(left, Known) and inside is not None:
            try:
                return Known(test(left.value, inside[0]))
            except TypeError:
                return Value()
        if isinstance(operators[0], ast.Is | ast.IsNot) and isinstance(right, Known) and right.value is None:
            if isinstance(left, Known | Made | Module | Function | Items):
                none = isinstance(left, Known) and left.value is None
                return Known(none == isinstance(operators[0], ast.Is))
            return Value()
        if any(isinstance(one, Tensor) and one.op in ("shape", "len", "size") for one in (left, right)):
            return Value()
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            made = Tensor("eq" if isinstance(operators[0], ast.Eq) else "compare", (left, *others), place)
            if self.loops and made.op == "compare" and any(one.op in ("eq", "argmax") for one in ancestors(left)):
                self.note("judged", made, place)
            if made.op == "eq":
                self.note("compared", made, place)
            return made
        return Value()

    def item(self, owner: Value, index: Value, place: Place) -> Value:
        """`owner[index]`."""
        match owner, index:
            case Items(kind="dict"), Known(wanted):
                for key, value in reversed(list(zip(owner.keys, owner.items, strict=False))):
                    if isinstance(key, Known) and key.value == wanted:
                        return value
                return Value()
            case Items(kind="dict"), _ if owner.whole and owner.items:
                made = Known(None)
                for one in owner.items:
                    made = either(made, one)
                return made
            case Layer(kind="ModuleDict"), Known() if owner.args and isinstance(owner.args[0], Items):
                return self.item(owner.args[0], index, place)
            case Items(), Known(int(at)) if owner.whole and -len(owner.items) <= at < len(owner.items):
                return owner.items[at]
            case Items(kind="list" | "tuple"), Slice():
                cut = _cut(index)
                whole = owner.whole and cut is not None
                return Items(owner.kind, owner.items[cut] if cut and whole else owner.items, [], whole, place)
            case Items(kind="list" | "tuple"), _ if owner.items and isinstance(owner.items[0], Module | Made):
                made = Known(None)
                for one in owner.items:
                    made = either(made, one)
                return made
            case Layer(), Known(int(at)) if -len(owner.children) <= at < len(owner.children):
                return owner.children[at]
            case Layer(kind="Sequential" | "ModuleList"), Slice() if (cut := _cut(index)) is not None:
                return Layer(owner.place, owner.kind, (), {}, owner.children[cut])
            case Instance(), _ if isinstance(begin := owner.cls.member("__getitem__"), Function):
                return self.enter(Function(begin.node, begin.scope, owner), [index], {}, place)
            case Class(), Known(wanted):
                return owner.member(str(wanted)) or Value()
            case Made(kind="iterator"), Known(int(at)):
                several, whole = self.items(owner, place)
                return several[at] if whole and -len(several) <= at < len(several) else Value()
            case Tensor(), _:
                return Tensor("getitem", (owner,), place, {"index": index})
            case Made("dataset"), _:
                return self.batch(owner, place)
            case Made("parser"), Known():
                return self.attribute(owner, str(index.value), place)
            case Either(options), _:
                made = Known(None)
                for one in options:
                    made = either(made, self.item(one, index, place))
                return made
            case _:
                return Value()

    def attribute(self, owner: Value, name: str, place: Place) -> Value:
        """`owner.name`."""
        match owner:
            case Library():
                return library.named(f"{owner.name}.{name}")
            case Names():
                return owner.scope.find(name) or Value()
            case Items("dict") if name not in library.OF_ITEMS:
                return self.item(owner, Known(name), place)
            case Made("dataset", "TensorDataset", args) if name == "tensors":
                return Items("tuple", list(args), [], True, place)
            case Made("dataset", "Subset" | "random_split", (base, *_)) if name == "dataset":
                return base
            case Made("parser"):
                return owner.options.get(name, Method(owner, name))
            case Module() if name == "training" and owner.training is not None:
                return Known(owner.training)
            case Layer() if name in owner.options and name not in library.OF_MODULES:
                return owner.options[name]
            case Instance():
                if name in owner.attributes:
                    return owner.attributes[name]
                member = owner.cls.member(name)
                if isinstance(member, Function):
                    bound = Function(member.node, member.scope, owner)
                    kinds = library.decorators(member.node)
                    if kinds & {"property", "cached_property"}:
                        return self.enter(bound, [], {}, place)
                    return member if "staticmethod" in kinds else bound
                return member if member is not None else Method(owner, name)
            case Class():
                return owner.member(name) or Value()
            case Parent():
                member = owner.member(name)
                if isinstance(member, Function):
                    return Function(member.node, member.scope, owner.owner)
                return Method(Method(owner.owner, "super()"), name)
            case Tensor() if name in ("data", "T", "mT"):
                return Tensor("data" if name == "data" else "transpose", (owner,), place)
            case Tensor() if name in ("shape", "grad"):
                return Tensor(name, (owner,), place)
            case Tensor() if name in ("device", "dtype", "grad_fn", "ndim"):
                return Value()
            case Tensor() if name in ("indices", "values", "logits", "last_hidden_state"):
                return Tensor("part", (owner,), place)
            case Made("parameter") if name in ("data", "grad"):
                return Tensor(name, (owner,), place)
            case Either():
                found = Known(None)
                for option in owner.options:
                    found = either(found, self.attribute(option, name, place))
                return found
            case _:
                return Method(owner, name)

    # Calls

    def call_node(self, node: ast.Call, scope: Scope) -> Value:
        """A call as it is written."""
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            return self.parent(scope)
        target = self.value(node.func, scope)
        args, whole = self.spread(node.args, scope)
        options: dict[str, Value] = {} if whole or not isinstance(target, Function) else {"*": Value()}
        for word in node.keywords:
            one = self.value(word.value, scope)
            if word.arg:
                options[word.arg] = one
            elif isinstance(one, Items) and one.kind == "dict" and one.whole:
                options |= {
                    str(key.value): value
                    for key, value in zip(one.keys, one.items, strict=False)
                    if isinstance(key, Known)
                }
            else:
                options["**"] = Value()
        return self.call(target, args, options, self.at(node, scope))

    def call(self, target: Value, args: list[Value], options: Mapping[str, Value], place: Place) -> Value:
        """What a call does, and what comes back."""
        match target:
            case Function():
                return self.enter(target, args, options, place)
            case Class():
                return self.make(target, args, options, place)
            case Library("builtins.getattr") if len(args) > 1 and isinstance(args[1], Known):
                return self.attribute(args[0], str(args[1].value), place)
            case Library("builtins.setattr") if len(args) == 3 and (
                isinstance(args[1], Known) or isinstance(args[0], Instance)
            ):
                name = str(args[1].value) if isinstance(args[1], Known) else f"?{place.line}.{len(self.events)}"
                self.set_attribute(args[0], name, args[2], place)
                return Known(None)
            case Library():
                return library.call(self, target.name, args, options, place)
            case Made("transform"):
                library.drawn(self, target, place)
                return Tensor("transform", tuple(args), place, maker=target)
            case Made("partial"):
                return self.call(target.args[0], [*target.args[1:], *args], {**target.options, **options}, place)
            case Layer():
                return library.apply(self, target, args, options, place)
            case Instance():
                return self.run_module(target, args, options, place)
            case Method():
                return library.method(self, target.owner, target.name, args, options, place)
            case Either():
                made = Known(None)
                with self.perhaps():
                    for option in target.options:
                        made = either(made, self.call(option, args, options, place))
                return made
            case _:
                self.lend(target, args, options, place)
                return Value()

    def parent(self, scope: Scope) -> Value:
        """What `super()` is here."""
        owner, home = scope.find("self") or Value(), scope.find("__class__")
        return Parent(owner, home) if isinstance(home, Class) else Method(owner, "super()")

    def lend(
        self, to: Value, args: Sequence[Value], options: Mapping[str, Value], place: Place, name: str = ""
    ) -> None:
        """Unknown code gets these values and may do anything with them."""
        self.note("lent", to, place, *args, *options.values(), name=name)

    def make(self, cls: Class, args: list[Value], options: Mapping[str, Value], place: Place) -> Value:
        """An object of a class of the script."""
        made = Instance(place, cls)
        begin = cls.member("__init__")
        if isinstance(begin, Function):
            self.enter(Function(begin.node, begin.scope, made), args, options, place)
        else:
            made.attributes.update(zip(cls.fields, args, strict=False))
            made.attributes.update(options)
            after = cls.member("__post_init__")
            if isinstance(after, Function):
                self.enter(Function(after.node, after.scope, made), [], {}, place)
        self.note("made", made, place)
        return made

    def run_module(self, module: Instance, args: list[Value], options: Mapping[str, Value], place: Place) -> Value:
        """A call of an object: a module's forward, or its class's __call__."""
        forward = module.cls.member("forward") if module.is_module else None
        forward = forward or module.cls.member("__call__") or module.cls.member("forward")
        if not isinstance(forward, Function) and "torch.nn.Sequential" in module.cls.roots:
            inside = [one for one in module.attributes.values() if isinstance(one, Module)]
            return library.in_turn(self, module, inside, args, place)
        if not isinstance(forward, Function):
            self.lend(module, [module, *args], options, place)
            return Tensor("unknown", tuple(args), place, maker=module)
        self.inside += 1
        try:
            made = self.enter(Function(forward.node, forward.scope, module), args, options, place)
        finally:
            self.inside -= 1
        if not self.inside and module.is_module:
            self.note("pass", module, place, made, *args, training=Known(module.training))
        return made

    def enter(self, function: Function, args: list[Value], options: Mapping[str, Value], place: Place) -> Value:
        """Follow a function of the script with these arguments."""
        node = function.node
        if len(self.frames) > DEEPEST or any(frame.node is node for frame in self.frames):
            self.lend(function, args, options, place)
            return Value()
        self.called.add(id(node))
        for name, one in options.items():
            if "seed" in name and self.loops:
                self.note("asked", one, place, name=name)
        first = 1 if function.owner is not None else 0
        for word, one in zip(node.args.args[first:], args, strict=False):
            if "seed" in word.arg and self.loops:
                self.note("asked", one, place, name=word.arg)
        scope = Scope({}, function.scope, function.scope.path)
        self.bind_arguments(function, args, options, scope)
        frame = Frame(node, self.unsure, within=self.within)
        self.within = None
        self.frames.append(frame)
        self.stack.append(place)
        kinds = library.decorators(node)
        try:
            with self.gradients(self.grad and not kinds & {"no_grad", "inference_mode"}):
                if isinstance(node, ast.Lambda):
                    return self.value(node.body, scope)
                self.block(node.body, scope)
        finally:
            self.frames.pop()
            self.stack.pop()
        if frame.yielded:
            stream = Items("list", frame.yielded, [], False, place)
            self.note("stream", stream, place)
            return stream
        made: Value = Known(None)
        for one in frame.returned:
            made = either(made, one)
        return made

    def untaught(self, one: Value) -> None:
        """Methods of an object that train, where only unknown code may call them: an estimator in a pipeline."""
        members = one.cls.members.values() if isinstance(one, Instance) else ()
        for member in list(members):
            if (
                isinstance(member, Function)
                and id(member.node) not in self.called
                and "backward" in called_in([member.node])
            ):
                self.loops, self.unsure, self.grad = [], 0, True
                self.enter(Function(member.node, member.scope, one), [], {}, self.at(member.node, member.scope))

    def bind_arguments(self, function: Function, args: list[Value], options: Mapping[str, Value], scope: Scope) -> None:
        """The parameters' values: what is handed over, else the defaults."""
        words = function.node.args
        names = [one.arg for one in (*words.posonlyargs, *words.args)]
        given = [function.owner, *args] if function.owner is not None else args
        if "*" in options:  # how many there are is not known
            given = given[: 1 if function.owner is not None else 0]
        for name, default in zip(reversed(names), reversed(words.defaults), strict=False):
            scope.names[name] = self.value(default, function.scope)
        for one, default in zip(words.kwonlyargs, words.kw_defaults, strict=True):
            scope.names[one.arg] = self.value(default, function.scope) if default else Value()
        scope.names.update({name: Value() for name in names if name not in scope.names})
        scope.names.update(zip(names, given, strict=False))
        scope.names.update({k: v for k, v in options.items() if k in scope.names})
        if words.vararg:
            scope.names[words.vararg.arg] = Items("tuple", given[len(names) :], [], True, Place(scope.path, 0))
        if words.kwarg:
            rest = {k: v for k, v in options.items() if k not in scope.names and k != "**"}
            keys: list[Value] = [Known(k) for k in rest]
            place = Place(scope.path, 0)
            scope.names[words.kwarg.arg] = Items("dict", list(rest.values()), keys, "**" not in options, place)


def alternatives(node: ast.If) -> int:
    """How many conditions an if and its elifs have."""
    return 1 + (alternatives(node.orelse[0]) if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If) else 0)


def called_in(body: Sequence[ast.AST]) -> frozenset[str]:
    """The last words of all that is called in it."""
    calls = [one.func for part in body for one in ast.walk(part) if isinstance(one, ast.Call)]
    return frozenset(one.attr if isinstance(one, ast.Attribute) else one.id for one in calls
                     if isinstance(one, ast.Attribute | ast.Name))  # fmt: skip


def loads_of(tree: ast.AST) -> set[str]:
    """All names and attributes that are read in it, those too that are only added to."""
    nodes = list(ast.walk(tree))
    changed = [node.target for node in nodes if isinstance(node, ast.AugAssign)]
    read = [node for node in nodes if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load)]
    return {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in (*read, *changed)
        if isinstance(node, ast.Name | ast.Attribute)
    }


def teaching(tree: ast.AST, known: frozenset[str]) -> frozenset[str]:
    """Names of functions that train or evaluate, themselves or through others."""
    functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    calls = [(one.name, called_in([one])) for one in functions]
    while more := {name for name, called in calls if called & known} - known:
        known |= more
    return known


def _counts(value: Value) -> bool:
    """Whether it is a number, or has been counted up from one."""
    return number(value) is not None or (isinstance(value, Tensor) and value.op == "tally")


def _plain(value: Value) -> tuple[object] | None:
    """A known value, or a list of known ones."""
    if isinstance(value, Known):
        return (value.value,)
    parts = (
        value.keys
        if isinstance(value, Items) and value.kind == "dict"
        else value.items
        if isinstance(value, Items)
        else [Value()]
    )
    if isinstance(value, Items) and value.whole and all(isinstance(one, Known) for one in parts):
        return ([one.value for one in parts if isinstance(one, Known)],)
    return None


def _cut(index: Slice) -> slice | None:
    """The slice of known bounds."""
    bounds = [None if one is None else count(one) for one in (index.lower, index.upper, index.step)]
    told = [one is not None for one in (index.lower, index.upper, index.step)]
    if any(bound is None and there for bound, there in zip(bounds, told, strict=True)) or bounds[2] == 0:
        return None
    return slice(*(None if one is None else int(one) for one in bounds))


def follow(text: str, path: Path) -> Trace:
    """What the script would do; functions that it never calls are followed last, with arguments of any kind."""
    tree = ast.parse(text)
    follower = Follower(path.parent)
    follower.teaching = teaching(tree, TEACHING)
    scope = Scope({"__name__": Known("__main__"), "__file__": Known(str(path))}, None, str(path))
    follower.block(tree.body, scope)
    for function in follower.functions:
        if id(function.node) not in follower.called and function.scope is scope:
            follower.loops, follower.unsure, follower.grad = [], 0, True
            follower.enter(function, [], {}, Place(str(path), function.node.lineno))
    for event in [e for e in follower.events if e.what == "made" and isinstance(e.subject, Instance)]:
        follower.untaught(event.subject)
    loads = frozenset(follower.loads | loads_of(tree))
    return Trace(tuple(follower.events), tuple(text.splitlines()), loads)
