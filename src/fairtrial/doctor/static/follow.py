"""Follows a script's source from its first line: each statement once, loops twice, both sides of a condition.

Nothing of the script is executed or imported; modules beside it are read in the same way. Where a value is not known,
whatever is done with it is not known either.
"""

from __future__ import annotations

import ast
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fairtrial.doctor.static import library
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
    Parent,
    Place,
    Scope,
    Tensor,
    Value,
    either,
    number,
)

MOST_STEPS = 60_000  # statements and expressions: about half a second
DEEPEST = 24  # calls within calls
MOST_ITEMS = 12  # of a list that is looped over one by one


class GaveUp(Exception):
    """The source is too long or too deep to be followed."""


@dataclass
class Frame:
    """A call that is being followed."""

    node: ast.AST | None
    unsure: int = 0  # conditions around the call
    returned: list[Value] = field(default_factory=list[Value])
    ended: bool = False


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
                for target in targets:
                    self.assign(target, made, scope)
            case ast.AnnAssign(target, _, value) if value:
                self.assign(target, self.value(value, scope), scope)
            case ast.AugAssign(target, operator, value):
                self.augmented(target, operator, self.value(target, scope), self.value(value, scope), scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                made = Function(node, scope)
                self.functions.append(made)
                scope.bind(node.name, made)
            case ast.ClassDef():
                scope.bind(node.name, self.class_(node, scope))
            case ast.Return(value):
                self.frames[-1].returned.append(self.value(value, scope) if value else Known(None))
                self.frames[-1].ended = self.unsure == self.frames[-1].unsure
            case ast.Raise() | ast.Continue() | ast.Break():
                pass
            case ast.If():
                self.branch(node, scope)
            case ast.For() | ast.AsyncFor():
                self.loop(node, scope)
            case ast.While():
                self.value(node.test, scope)
                self.turns(node, [Value(), Value()], Value(), None, node.body, scope)
                self.block(node.orelse, scope)
            case ast.With() | ast.AsyncWith():
                self.guarded(list(node.items), node.body, scope)
            case ast.Try() | ast.TryStar():
                self.block(node.body, scope)
                with self.perhaps():
                    for handler in node.handlers:
                        self.block(handler.body, scope)
                    self.block(node.orelse, scope)
                self.block(node.finalbody, scope)
            case ast.Match():
                self.value(node.subject, scope)
                with self.perhaps():
                    for case in node.cases:
                        self.block(case.body, scope)
            case ast.Import(names):
                for alias in names:
                    top = alias.name if alias.asname else alias.name.partition(".")[0]
                    scope.bind(alias.asname or top, Library(top))
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

    def at(self, node: ast.AST, scope: Scope) -> Place:
        """The place of a node."""
        return Place(scope.path, getattr(node, "lineno", 0))

    def class_(self, node: ast.ClassDef, scope: Scope) -> Class:
        """A class, its body followed with its own names."""
        inner = Scope({}, scope, scope.path)
        made = Class(
            node.name, tuple(self.value(base, scope) for base in node.bases), inner.names, self.at(node, scope)
        )
        inner.names["__class__"] = made
        self.block(node.body, inner)
        return made

    def import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        """Names of a library, or of a file beside the script."""
        beside = self.beside(node.module or "")
        for alias in node.names:
            if beside is not None and alias.name == "*":
                scope.names.update({k: v for k, v in beside.names.items() if not k.startswith("_")})
            elif beside is not None:
                scope.bind(alias.asname or alias.name, beside.find(alias.name) or Value())
            elif alias.name == "*":
                scope.names.update(library.star(node.module or ""))
            else:
                scope.bind(alias.asname or alias.name, Library(f"{node.module}.{alias.name}"))

    def beside(self, module: str) -> Scope | None:
        """The names of a module that lies beside the script, read the same way."""
        path = self.folder / (module.replace(".", "/") + ".py") if module else self.folder
        if not path.is_file() or len(self.files) > 20:
            return None
        if str(path) not in self.files:
            scope = self.files[str(path)] = Scope({"__name__": Known(module)}, None, str(path))
            try:
                tree = ast.parse(path.read_bytes())
            except (SyntaxError, ValueError):
                return scope
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

    def loop(self, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
        """A loop, followed twice, or item by item through a short list."""
        over = self.value(node.iter, scope)
        self.turns(node, self.items(over, self.at(node, scope)), over, node.target, node.body, scope)
        self.block(node.orelse, scope)

    def turns(
        self,
        node: ast.AST,
        items: list[Value],
        over: Value,
        target: ast.expr | None,
        body: Sequence[ast.stmt],
        scope: Scope,
    ) -> None:
        """The body once for each item."""
        for turn, item in enumerate(items):
            self.loops.append(Loop(id(node), over, turn, ast.unparse(target) if target else ""))
            if target is not None:
                self.assign(target, item, scope)
            self.block(body, scope)
            self.loops.pop()

    def items(self, over: Value, place: Place) -> list[Value]:
        """What a loop goes through: all of a short list, else two examples."""
        match over:
            case Items(kind, items, keys, whole):
                wanted = keys if kind == "dict" else items
                return wanted[:MOST_ITEMS] if whole or len(wanted) > 1 else wanted * 2
            case Layer(kind="Sequential" | "ModuleList") if over.children:
                return over.children[:MOST_ITEMS]
            case Made("loader" | "dataset"):
                return [self.batch(over, place) for _ in range(2)]
            case Made("parameters" | "modules"):
                one = Made("parameter" if over.kind == "parameters" else "modules", "one", over.args, {}, over.place)
                named = Items("tuple", [Value(), one], [], True, place)
                return [named if over.name.startswith("named_") else one]
            case Tensor():
                return [Tensor("row", (over,), place) for _ in range(2)]
            case _:
                return [Value(), Value()]

    def batch(self, source: Value, place: Place) -> Value:
        """An example batch of a loader: inputs and labels."""
        return Items("tuple", [Tensor("input", (source,), place), Tensor("label", (source,), place)], [], True, place)

    def guarded(self, items: list[ast.withitem], body: Sequence[ast.stmt], scope: Scope) -> None:
        """A with-block: gradients off, autocast on, or anything else."""
        if not items:
            self.block(body, scope)
            return
        entered = self.value(items[0].context_expr, scope)
        if target := items[0].optional_vars:
            self.assign(target, entered if isinstance(entered, Made) else Value(), scope)
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

    # Assignment

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a name, an attribute or several names their values."""
        match target:
            case ast.Name(name):
                self.keep(name, value, self.at(target, scope))
                scope.bind(name, value)
            case ast.Tuple(parts) | ast.List(parts):
                for part, one in zip(parts, self.unpacked(value, parts, self.at(target, scope)), strict=True):
                    self.assign(part, one, scope)
            case ast.Starred(inner):
                self.assign(inner, Value(), scope)
            case ast.Attribute(inner, name):
                self.keep(name, value, self.at(target, scope))
                self.set_attribute(self.value(inner, scope), name, value, self.at(target, scope))
            case ast.Subscript(inner, index):
                self.set_item(self.value(inner, scope), self.value(index, scope), value)
            case _:
                pass

    def keep(self, name: str, value: Value, place: Place) -> None:
        """Write down that a model's state gets a name."""
        inside = value.items if isinstance(value, Items) else [value]
        if any(isinstance(one, Made) and one.kind in ("state", "copied state") for one in inside) or any(
            one.op == "state value" for item in inside for one in ancestors(item)
        ):
            self.note("kept", value, place, name=name)

    def unpacked(self, value: Value, parts: list[ast.expr], place: Place) -> list[Value]:
        """As many values as there are targets."""
        stars = any(isinstance(part, ast.Starred) for part in parts)
        match value:
            case Items("list" | "tuple", items) if value.whole and len(items) == len(parts) and not stars:
                return items
            case Made("dataset"):
                return [Made("dataset", value.name, value.args, value.options, value.place) for _ in parts]
            case Tensor():
                return [Tensor("part", (value,), place) for _ in parts]
            case _:
                return [Value() for _ in parts]

    def set_attribute(self, owner: Value, name: str, value: Value, place: Place) -> None:
        """What is known of an object after `owner.name = value`."""
        if name == "grad" or (isinstance(owner, Tensor) and owner.op == "grad"):
            self.note("zero", owner, place)
        elif name == "requires_grad":
            self.note("freeze" if isinstance(owner, Made) else "flag", owner, place, value)
        elif isinstance(owner, Instance):
            if isinstance(value, Items | Module):
                self.note("module", owner, place, value, name=name)
            old = owner.attributes.get(name)
            owner.attributes[name] = either(old, value) if self.unsure and old is not None else value
        elif isinstance(owner, Layer):
            self.note("lent", owner, place, owner, value)
            owner.children.append(value)
        elif isinstance(owner, Tensor) and name == "data":
            self.note("lent", owner, place, owner)

    def set_item(self, owner: Value, index: Value, value: Value) -> None:
        """What is known of a list or dict after `owner[index] = value`."""
        if isinstance(owner, Layer):
            at = index.value if isinstance(index, Known) else None
            if isinstance(at, int) and -len(owner.children) <= at < len(owner.children):
                owner.children[at] = value
        elif isinstance(owner, Items):
            owner.items.append(value)
            owner.keys.append(index)
            owner.whole = owner.whole and owner.kind == "dict" and not self.unsure

    def augmented(self, target: ast.expr, operator: ast.operator, old: Value, new: Value, scope: Scope) -> None:
        """`target += value` is an assignment; with a gradient in it, it is a step by hand."""
        place = self.at(target, scope)
        by_hand = (isinstance(old, Made) and old.kind == "parameter") or any(one.op == "grad" for one in ancestors(new))
        if by_hand:
            self.note("step", old, place, new, name=type(operator).__name__.lower())
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
                return Items(kind, items, [], whole, place)
            case ast.Dict(keys, values):
                found = [self.value(one, scope) for one in values]
                names = [self.value(key, scope) if key else Value() for key in keys]
                return Items("dict", found, names, all(keys), place)
            case ast.BinOp(left, operator, right):
                return self.binary(self.value(left, scope), operator, self.value(right, scope), place)
            case ast.UnaryOp(operator, inner):
                return self.unary(operator, self.value(inner, scope), place)
            case ast.Compare(left, operators, others):
                return self.compare(self.value(left, scope), operators, [self.value(o, scope) for o in others], place)
            case ast.BoolOp(_, values):
                for one in [self.value(one, scope) for one in values]:
                    if isinstance(one, Known):
                        continue
                return Value()
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
            case ast.Starred(inner) | ast.Await(inner) | ast.YieldFrom(inner):
                return self.value(inner, scope)
            case ast.Yield(inner):
                if inner:
                    self.frames[-1].returned.append(Items("list", [self.value(inner, scope)], [], False, place))
                return Value()
            case ast.JoinedStr(parts):
                for part in parts:
                    if isinstance(part, ast.FormattedValue):
                        self.value(part.value, scope)
                return Value()
            case ast.Slice(lower, upper, step):
                for bound in (lower, upper, step):
                    if bound:
                        self.value(bound, scope)
                return Value()
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
            elif isinstance(one, Layer) and one.children:
                items += one.children
            else:
                items.append(one)
                whole = False
        return items, whole

    def comprehension(
        self, generators: list[ast.comprehension], element: ast.expr, key: ast.expr | None, scope: Scope, place: Place
    ) -> Value:
        """A list of which two items are made, or as many as the list that it goes through has."""
        inner = Scope({}, scope, scope.path)
        first = generators[0]
        over = self.value(first.iter, inner)
        several = self.items(over, place)
        if isinstance(over, Tensor) and over.op == "range" and len(over.parents) == 1:
            several = [Value()] * int(min(MOST_ITEMS, max(0, number(over.parents[0]) or 2)))
        whole = isinstance(over, Items) and over.whole and len(generators) == 1 and not first.ifs
        made: list[Value] = []
        keys: list[Value] = []
        for turn, item in enumerate(several):
            self.loops.append(Loop(id(first), over, turn, ""))
            self.assign(first.target, item, inner)
            for test in first.ifs:
                self.value(test, inner)
            for other in generators[1:]:
                deeper = self.items(self.value(other.iter, inner), place)
                self.assign(other.target, deeper[0] if deeper else Value(), inner)
            keys += [self.value(key, inner)] if key else []
            made.append(self.value(element, inner))
            self.loops.pop()
        return Items("dict" if key else "list", made, keys, whole and not key, place)

    def binary(self, left: Value, operator: ast.operator, right: Value, place: Place) -> Value:
        """What two values and an operator make."""
        if isinstance(left, Known) and isinstance(right, Known):
            return library.arithmetic(left.value, operator, right.value)
        if isinstance(operator, ast.Mult) and isinstance(left, Items):
            return Items(left.kind, left.items * 2, [], False, place, repeated=True)
        if isinstance(operator, ast.Add) and isinstance(left, Items) and isinstance(right, Items):
            return Items(left.kind, [*left.items, *right.items], [], left.whole and right.whole, place)
        name = type(operator).__name__.lower()
        if isinstance(operator, ast.Div):
            self.note("divide", left, place, left, right)
        return Tensor(name, (left, right), place)

    def unary(self, operator: ast.unaryop, inner: Value, place: Place) -> Value:
        """A sign or a not."""
        match operator, inner:
            case ast.USub(), Known(int() | float() as one):
                return Known(-one)
            case ast.Not(), Known(one):
                return Known(not one)
            case ast.USub(), _:
                return Tensor("neg", (inner,), place)
            case _:
                return Value()

    def compare(self, left: Value, operators: list[ast.cmpop], others: list[Value], place: Place) -> Value:
        """Whether two known values are equal; a comparison of tensors is a tensor."""
        right = others[0]
        equality = len(others) == 1 and isinstance(operators[0], ast.Eq | ast.NotEq)
        if equality and isinstance(left, Known) and isinstance(right, Known):
            return Known((left.value == right.value) == isinstance(operators[0], ast.Eq))
        if isinstance(operators[0], ast.Is | ast.IsNot) and isinstance(right, Known) and right.value is None:
            if isinstance(left, Known | Made | Module | Function | Items):
                none = isinstance(left, Known) and left.value is None
                return Known(none == isinstance(operators[0], ast.Is))
            return Value()
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            made = Tensor("eq" if isinstance(operators[0], ast.Eq) else "compare", (left, *others), place)
            if made.op == "eq":
                self.note("compared", made, place)
            return made
        return Value()

    def item(self, owner: Value, index: Value, place: Place) -> Value:
        """`owner[index]`."""
        match owner, index:
            case Items(kind="dict"), Known(wanted):
                for key, value in zip(owner.keys, owner.items, strict=False):
                    if isinstance(key, Known) and key.value == wanted:
                        return value
                return Value()
            case Layer(kind="ModuleDict"), Known() if owner.args and isinstance(owner.args[0], Items):
                return self.item(owner.args[0], index, place)
            case Items(), Known(int(at)) if owner.whole and -len(owner.items) <= at < len(owner.items):
                return owner.items[at]
            case Layer(), Known(int(at)) if -len(owner.children) <= at < len(owner.children):
                return owner.children[at]
            case Tensor(), _:
                return Tensor("getitem", (owner,), place, {"index": index})
            case Made("dataset"), _:
                return self.batch(owner, place)
            case Either(options), _:
                return either(self.item(options[0], index, place), self.item(options[1], index, place))
            case _:
                return Value()

    def attribute(self, owner: Value, name: str, place: Place) -> Value:
        """`owner.name`."""
        match owner:
            case Library():
                return library.named(f"{owner.name}.{name}")
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
            case Tensor() if name in ("shape", "device", "dtype", "grad", "grad_fn", "ndim"):
                return Tensor(name, (owner,), place) if name == "grad" else Value()
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
        args, _ = self.spread(node.args, scope)
        options = {word.arg: self.value(word.value, scope) for word in node.keywords if word.arg}
        if any(word.arg is None for word in node.keywords):
            options["**"] = Value()
        return self.call(target, args, options, self.at(node, scope))

    def call(self, target: Value, args: list[Value], options: Mapping[str, Value], place: Place) -> Value:
        """What a call does, and what comes back."""
        match target:
            case Function():
                return self.enter(target, args, options, place)
            case Class():
                return self.make(target, args, options, place)
            case Library():
                return library.call(self, target.name, args, options, place)
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
            fields = [name for name, one in cls.members.items() if not isinstance(one, Function | Class)]
            made.attributes.update(zip(fields, args, strict=False))
            made.attributes.update(options)
        self.note("made", made, place)
        return made

    def run_module(self, module: Instance, args: list[Value], options: Mapping[str, Value], place: Place) -> Value:
        """A call of an object: a module's forward, or its class's __call__."""
        forward = module.cls.member("forward") if module.is_module else None
        forward = forward or module.cls.member("__call__") or module.cls.member("forward")
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
        scope = Scope({}, function.scope, function.scope.path)
        self.bind_arguments(function, args, options, scope)
        frame = Frame(node, self.unsure)
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
        made: Value = Known(None)
        for one in frame.returned:
            made = either(made, one)
        return made

    def bind_arguments(self, function: Function, args: list[Value], options: Mapping[str, Value], scope: Scope) -> None:
        """The parameters' values: what is handed over, else the defaults."""
        words = function.node.args
        names = [one.arg for one in (*words.posonlyargs, *words.args)]
        given = [function.owner, *args] if function.owner is not None else args
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
            scope.names[words.kwarg.arg] = Value()


def follow(text: str, path: Path) -> Trace:
    """What the script would do; functions that it never calls are followed last, with arguments of any kind."""
    tree = ast.parse(text)
    follower = Follower(path.parent)
    scope = Scope({"__name__": Known("__main__"), "__file__": Known(str(path))}, None, str(path))
    follower.block(tree.body, scope)
    for function in follower.functions:
        if id(function.node) not in follower.called and function.scope is scope:
            follower.loops, follower.unsure, follower.grad = [], 0, True
            follower.enter(function, [], {}, Place(str(path), function.node.lineno))
    loads = {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    return Trace(tuple(follower.events), tuple(text.splitlines()), frozenset(loads))
