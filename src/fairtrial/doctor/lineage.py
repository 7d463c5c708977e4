"""The statements of a script that lead to what one of its lines reads, nearest first, found in its source alone.

Names are followed to where they are bound, parameters to the calls that fill them, calls to what the script's own
functions return, attributes to where a class sets them; of tuples only the element that is used. A loop may lead
anywhere in itself, and of several assignments those count that the line can see.
"""

from __future__ import annotations

import ast
import builtins
import functools
import itertools
import linecache
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

from fairtrial.doctor.lines import foreign, own, shown

MOST = 300  # expressions that are followed from a line
DEEP = 8  # calls within calls that are told apart
WRITTEN = ("save", "dump", "write", "imsave", "savez", "tofile", "savetxt")  # to what they are given
READ = ("__getitem__", "__iter__", "__next__", "__call__")  # what an object gives when it is read
PICKING = ("max", "min", "sorted", "np.argmax", "np.argmin", "numpy.argmax", "heapq.nlargest")
ORDER = (ast.Gt, ast.GtE, ast.Lt, ast.LtE)
BLOCKS = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
ROWS = ("TensorDataset", "zip", "product", "StackDataset")  # element i of an item is of argument i

Path = tuple[int, ...]  # which element of which element is asked for
Calls = tuple[ast.Call, ...]  # that are being followed, the innermost first
Entered = frozenset[tuple[str, int, str]]  # file and line of calls, and the functions that they call


@dataclass(frozen=True)
class Binding:
    """A statement that gives a name its value."""

    statement: ast.AST
    value: ast.expr
    index: Path = ()


@dataclass
class File:
    """A file's syntax tree, and who is whose parent in it."""

    path: str
    tree: ast.Module
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict[ast.AST, ast.AST])
    bound: dict[tuple[ast.AST, str], list[Binding]] = field(default_factory=dict[tuple[ast.AST, str], list[Binding]])
    attributes: dict[str, list[Binding]] = field(default_factory=dict[str, list[Binding]])
    functions: dict[str, list[ast.AST]] = field(default_factory=dict[str, list[ast.AST]])
    classes: dict[str, ast.ClassDef] = field(default_factory=dict[str, ast.ClassDef])
    calls: dict[str, list[ast.Call]] = field(default_factory=dict[str, list[ast.Call]])
    others: list[ast.Call] = field(default_factory=list[ast.Call])  # of what has no name
    imports: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])

    def scope(self, node: ast.AST) -> ast.AST:
        """The function or module that a node is in."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, FUNCTIONS):
                return node
        return node

    def statement(self, node: ast.AST) -> ast.AST:
        """The statement that an expression is a part of; of a lambda its body."""
        while node in self.parents and not isinstance(node, ast.stmt | ast.comprehension):
            node = self.parents[node]
        return node

    def blocks(self, node: ast.AST) -> list[ast.AST]:
        """The compound statements around a node, innermost first."""
        found: list[ast.AST] = []
        while node in self.parents:
            node = self.parents[node]
            found.append(node)
            if isinstance(node, FUNCTIONS):
                break
        return found

    def visible(self, name: str, node: ast.AST) -> list[Binding]:
        """The assignments that a name's value may come from where it is read."""
        scope: ast.AST = self.scope(node)
        here = True
        while True:
            if found := self.bound.get((scope, name)):
                return self.reaching(found, node) if here else found
            if scope not in self.parents or name in _parameters(scope):
                return []
            scope, here = self.scope(scope), False

    def reaching(self, found: list[Binding], node: ast.AST) -> list[Binding]:
        """Those of one scope that come before, from the last that no condition skips; in a loop those after it too."""
        line, around = _line(node), self.blocks(node)
        before = [one for one in found if _line(one.statement) < line or self.encloses(one.statement, around)]
        loops = [block for block in around if isinstance(block, ast.For | ast.While)]
        sure = [n for n, one in enumerate(before) if self._parent(one.statement) in around or one.statement in around]
        again = [
            one for one in found if one not in before and any(loop in self.blocks(one.statement) for loop in loops)
        ]
        return [*before[sure[-1] if sure else 0 :][::-1], *again]

    def encloses(self, statement: ast.AST, around: list[ast.AST]) -> bool:
        """Whether a loop or comprehension is around; an assignment does not come before what it reads."""
        inside = isinstance(statement, BLOCKS) and statement in around
        return inside or (isinstance(statement, ast.comprehension) and self.parents[statement] in around)

    def _parent(self, node: ast.AST) -> ast.AST:
        parent = self.parents.get(node, self.tree)
        return self._parent(parent) if isinstance(parent, ast.With) else parent


def _line(node: ast.AST) -> int:
    return getattr(node.target if isinstance(node, ast.comprehension) else node, "lineno", 0)


@functools.cache
def read(path: str) -> File | None:
    """A file of the user's, looked through once."""
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError, RecursionError):
        return None
    file = File(path, tree)
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            file.parents[child] = node
    for node in ast.walk(tree):
        _note(file, node)
    for found in (*file.bound.values(), *file.attributes.values()):
        found.sort(key=lambda one: _line(one.statement))
    return file


def _note(file: File, node: ast.AST) -> None:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            _bind(file, node, target, node.value, ())
    elif isinstance(node, ast.AnnAssign | ast.AugAssign) and node.value is not None:
        _bind(file, node, node.target, node.value, ())
    elif isinstance(node, ast.NamedExpr):
        _bind(file, file.statement(node), node.target, node.value, ())
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        _bind(file, node, node.target, node.iter, ())
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        _bind(file, file.statement(node), node.optional_vars, node.context_expr, ())
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        file.functions.setdefault(node.name, []).append(node)
    elif isinstance(node, ast.ClassDef):
        file.classes[node.name] = node
    elif isinstance(node, ast.ImportFrom) and node.module:
        for one in node.names:
            file.imports[one.asname or one.name] = node.module, one.name
    elif isinstance(node, ast.Call):
        name = _called(node)
        (file.calls.setdefault(name, []) if name else file.others).append(node)
        statement = file.parents.get(node)
        changes = isinstance(statement, ast.Expr) and (name.endswith("_") or name in ("shuffle", "append", "extend"))
        if changes:  # x.div_(255), rng.shuffle(labels)
            owner = [node.func.value] if isinstance(node.func, ast.Attribute) and name != "shuffle" else []
            for target in (*owner, *(node.args if name == "shuffle" else ())):
                _bind(file, statement or node, target, node, ())
        for target in node.args if isinstance(statement, ast.Expr) and name in WRITTEN else ():
            _bind(file, statement or node, target, node, ())


def _bind(file: File, statement: ast.AST, target: ast.AST, value: ast.expr, index: Path) -> None:
    if isinstance(target, ast.Name):
        file.bound.setdefault((file.scope(statement), target.id), []).append(Binding(statement, value, index))
    elif isinstance(target, ast.Attribute):
        file.attributes.setdefault(target.attr, []).append(Binding(statement, value, index))
    elif isinstance(target, ast.Subscript | ast.Starred):
        _bind(file, statement, target.value, value, index)
    elif isinstance(target, ast.Tuple | ast.List):
        for number, one in enumerate(target.elts):
            _bind(file, statement, one, value, (*index, number))


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


class _Follower:
    """What is still to be followed, and the statements that were come by.

    A call that is at work, in `entered` by its file, line and function, was given its arguments before it began.
    """

    def __init__(self, entered: Entered = frozenset()) -> None:
        self.entered = entered
        self.waiting: deque[tuple[File, ast.AST, Path, Calls]] = deque()
        self.met: set[tuple[ast.AST, Path]] = set()
        self.found: dict[tuple[str, int], str] = {}

    def add(self, file: File, node: ast.AST, index: Path, calls: Calls) -> None:
        """Follow this expression later."""
        if (node, index) not in self.met and len(self.met) < MOST:
            self.met.add((node, index))
            self.waiting.append((file, node, index, calls))

    def come_by(self, file: File, node: ast.AST, index: Path = ()) -> None:
        """A statement leads to what is asked for: of a tuple only the element."""
        line = _line(node)
        if line and (file.path, line) not in self.found:
            self.found[file.path, line] = _text(node, index)

    def lines(self) -> tuple[tuple[str, str], ...]:
        """Line and text of the statements."""
        return tuple((f"{shown(path)}:{line}", text) for (path, line), text in self.found.items())

    def run(self) -> None:
        """Follow until nothing is left."""
        while self.waiting:
            self.follow(*self.waiting.popleft())

    def follow(self, file: File, node: ast.AST, index: Path, calls: Calls) -> None:
        """One expression."""
        match node:
            case ast.Name():
                self.name(file, node, index, calls)
            case ast.Tuple() | ast.List() if index and index[0] < len(node.elts):
                self.add(file, node.elts[index[0]], index[1:], calls)
            case ast.Attribute():
                for one in file.attributes.get(node.attr, []):
                    self.bound(file, one, index, calls)
                for function in file.functions.get(node.attr, []):
                    self.returned(file, function, index, calls)
                if node.attr not in file.attributes:
                    self.add(file, node.value, index, calls)
            case ast.Subscript():
                number = node.slice.value if isinstance(node.slice, ast.Constant) else None
                self.add(
                    file, node.value, (number, *index) if isinstance(number, int) and number >= 0 else index, calls
                )
                self.add(file, node.slice, (), calls)
            case ast.Call():
                self.call(file, node, index, calls)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                self.add(file, node.elt, index[1:] if index else index, calls)
            case ast.Lambda():
                self.add(file, node.body, index, calls)
            case ast.Constant():
                pass
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.add(file, child, index, calls)

    def bound(self, file: File, one: Binding, index: Path, calls: Calls) -> None:
        """An assignment."""
        self.come_by(file, one.statement, (*one.index, *index))
        self.add(file, one.value, (*one.index, *index), calls)

    def name(self, file: File, node: ast.Name, index: Path, calls: Calls) -> None:
        """A name: its assignments, the calls that fill it, or what it calls."""
        found = file.visible(node.id, node)
        for one in found:
            self.bound(file, one, index, calls)
        if found:
            return
        scope = file.scope(node)
        while scope in file.parents:
            if isinstance(scope, FUNCTIONS) and node.id in _parameters(scope):
                self.filled(file, scope, node.id, index, calls)
                return
            scope = file.scope(scope)
        self.definition(file, node.id, index, calls)

    def definition(self, file: File, name: str, index: Path, calls: Calls) -> None:
        """A function or class of the script, or of one of its other files."""
        if name in file.imports:
            module, name = file.imports[name]
            path = getattr(sys.modules.get(module), "__file__", None)
            other = read(path) if path and not foreign(path) else None
            if other is None:
                return
            file = other
            for one in file.bound.get((file.tree, name), []):
                self.bound(file, one, index, calls)
        for function in file.functions.get(name, []):
            self.returned(file, function, index, calls)
        if name in file.classes:
            self.made(file, file.classes[name], index, calls)

    def made(self, file: File, kind: ast.ClassDef, index: Path, calls: Calls) -> None:
        """What objects of a class give when they are read."""
        for method in kind.body:
            if isinstance(method, ast.FunctionDef) and method.name in READ:
                self.returned(file, method, index, calls)
        for base in kind.bases:
            if isinstance(base, ast.Name) and base.id in file.classes:
                self.made(file, file.classes[base.id], index, calls)

    def returned(self, file: File, function: ast.AST, index: Path, calls: Calls) -> None:
        """What a function returns or yields."""
        for node in ast.walk(function):
            if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) and node.value is not None:
                self.come_by(file, file.statement(node), index)
                self.add(file, node.value, index, calls)

    def filled(self, file: File, function: ast.AST, name: str, index: Path, calls: Calls) -> None:
        """The arguments that calls give for a parameter: the one that is being followed, or any."""
        names = _names_of(file, function)
        inner = next((n for n, call in enumerate(calls) if _called(call) in names), None)
        for call in [calls[inner]] if inner is not None else [call for n in names for call in file.calls.get(n, [])]:
            given = _argument(file, function, name, call)
            if given is not None:
                if (file.path, _line(call), getattr(function, "name", "<lambda>")) not in self.entered:
                    self.come_by(file, file.statement(call))
                self.add(file, given, index, calls)

    def call(self, file: File, call: ast.Call, index: Path, calls: Calls) -> None:
        """A call: of the script's own functions what they return, of others all that they are given."""
        name = _called(call)
        if not (isinstance(call.func, ast.Name) and hasattr(builtins, name)):
            self.add(file, call.func, index, (call, *calls[:DEEP]))
        given = [*call.args, *(one.value for one in call.keywords)]
        if isinstance(call.func, ast.Name) and name in file.functions:
            return  # by its parameters
        if index and name == "enumerate":
            given, index = given[: index[0]], index[1:]
        elif index and name in ROWS:
            given, index = given[index[0] : index[0] + 1], index[1:]
        elif index and name == "train_test_split":
            given, index = given[index[0] // 2 : index[0] // 2 + 1], index[1:]
        for argument in given:
            self.add(file, argument, index, calls)


def _parameters(function: Any) -> list[str]:
    if not isinstance(function, FUNCTIONS):
        return []
    given: ast.arguments = function.args
    extra = [one.arg for one in (given.vararg, given.kwarg) if one is not None]
    return [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)] + extra


def _names_of(file: File, function: ast.AST) -> list[str]:
    """What a function is called by: of a constructor the class and what derives from it."""
    if isinstance(function, ast.Lambda):
        statement = file.parents.get(function)
        return [t.id for t in statement.targets if isinstance(t, ast.Name)] if isinstance(statement, ast.Assign) else []
    name = getattr(function, "name", "")
    home = file.parents.get(function)
    if name in ("__init__", "__call__") and isinstance(home, ast.ClassDef):
        return [home.name]
    return [name]


def _argument(file: File, function: Any, name: str, call: ast.Call) -> ast.expr | None:
    """What a call gives for a parameter."""
    for keyword in call.keywords:
        if keyword.arg in (name, None):
            return keyword.value
    given: ast.arguments = function.args
    names = [one.arg for one in (*given.posonlyargs, *given.args)]
    method = isinstance(file.parents.get(function), ast.ClassDef) and names[:1] in (["self"], ["cls"])
    names = names[1:] if method else names
    if given.vararg is not None and given.vararg.arg == name:
        return ast.Tuple(elts=list(call.args[len(names) :]), ctx=ast.Load())
    if name in names and names.index(name) < len(call.args):
        return call.args[names.index(name)]
    return None


def choices(path: str, entered: Entered) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """The lines of a file that pick by size, each with what leads to the numbers.

    What is compared with a plain number is checked, and picks nothing.
    """
    file = read(path)
    for node in ast.walk(file.tree) if file else ():
        compared = isinstance(node, ast.Compare) and any(isinstance(op, ORDER) for op in node.ops)
        compared = compared and not any(isinstance(one, ast.Constant) for one in ast.iter_child_nodes(node))
        picked = isinstance(node, ast.Call) and ast.unparse(node.func) in PICKING
        if file and (compared or picked):
            follower = _Follower(entered)
            follower.add(file, node, (), ())
            follower.run()
            yield f"{shown(path)}:{_line(node)}", follower.lines()


def _text(node: ast.AST, index: Path) -> str:
    """The statement's first line of code, without what is inside of it; of a tuple the element."""
    match node:
        case ast.Return(value=ast.Tuple(elts=several)) if index and index[0] < len(several):
            return f"return {ast.unparse(several[index[0]])}"
        case ast.Expr(value=ast.Yield(value=ast.Tuple(elts=several))) if index and index[0] < len(several):
            return f"yield {ast.unparse(several[index[0]])}"
        case ast.Assign(targets=[target], value=ast.Tuple(elts=several)) if index and index[0] < len(several):
            return f"{ast.unparse(target)} = {ast.unparse(several[index[0]])}"
        case ast.For() | ast.AsyncFor():
            return f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}:"
        case ast.comprehension():
            return f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}"
        case ast.With() | ast.AsyncWith():
            return f"with {', '.join(map(ast.unparse, node.items))}:"
        case ast.If() | ast.While():
            return f"if {ast.unparse(node.test)}:"
        case _:
            return ast.unparse(node)


def _heads(file: File, line: int) -> Iterator[ast.AST]:
    """The innermost statement that covers a line, as expressions: of a compound one its head."""
    covering = [
        node for node in file.parents if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or line)
    ]
    if not covering:
        return
    inner = max(covering, key=lambda node: node.lineno)
    body = {id(one) for name in ("body", "orelse", "finalbody", "handlers") for one in getattr(inner, name, ())}
    for child in ast.iter_child_nodes(inner):
        if id(child) not in body:
            yield child


@dataclass(frozen=True)
class Call:
    """A call that is at work: the file, and the code and instruction that it is."""

    path: str
    line: int
    code: CodeType
    instruction: int

    def find(self) -> ast.Call | None:
        """The call in the source."""
        file = read(self.path)
        if file is None:
            return None
        spans = itertools.islice(self.code.co_positions(), self.instruction // 2, None)
        line, end, column, last = next(spans, (None, None, None, None))
        for call in itertools.chain(*file.calls.values(), file.others):
            if (call.lineno, call.end_lineno, call.col_offset, call.end_col_offset) == (line, end, column, last):
                return call
        return None


def calls_in(frame: FrameType | None) -> tuple[Call, ...]:
    """What the user's frames are calling, the innermost first."""
    return tuple(Call(one.f_code.co_filename, one.f_lineno, one.f_code, one.f_lasti) for one in own(frame))


def lineage(calls: tuple[Call, ...], argument: int | None = None) -> tuple[tuple[str, str], ...]:
    """Line and text of the statements that lead to what the innermost call is given: all of it, or one argument."""
    file = read(calls[0].path) if calls else None
    if file is None:
        return ()
    found, follower = calls[0].find(), _Follower()
    around = tuple(call for one in calls[1:] if (call := one.find()) is not None)
    given: list[ast.AST] = list(_heads(file, calls[0].line))
    if found is not None:
        given = [*found.args, *(one.value for one in found.keywords)]
        given = given if argument is None else given[argument : argument + 1]
    for node in given:
        follower.add(file, node, (), around)
    follower.run()
    return follower.lines()


@functools.cache
def named(code: CodeType, name: str) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    """The last line that gives a variable of a function, or of a module, its value, and what leads to it."""
    file = read(code.co_filename)
    scopes = [scope for scope, known in file.bound if known == name and _is(scope, code)] if file else []
    if file is None or not scopes:
        return None, ()
    follower = _Follower()
    for one in reversed(found := file.bound[scopes[0], name]):
        follower.bound(file, one, (), ())
    follower.run()
    return f"{shown(code.co_filename)}:{_line(found[-1].statement)}", follower.lines()


def picked(frame: FrameType, name: str, attribute: bool = False) -> tuple[str, str] | None:
    """Where a variable, or an attribute, gets its value if a comparison by size says so, and the comparison's line.

    Only in a loop that the frame is in now, and that does nothing with it.
    """
    file = read(frame.f_code.co_filename)
    if file is None:
        return None
    scopes = [scope for scope, known in file.bound if known == name and _is(scope, frame.f_code)]
    bound = file.attributes.get(name, []) if attribute else [one for s in scopes for one in file.bound[s, name]]
    for one in bound:
        comparison = next((found for block in file.blocks(one.statement) if (found := _compared(file, block))), None)
        calls = (call for n in _names_of(file, file.scope(one.statement)) for call in file.calls.get(n, []))
        loops = [loop for site in (one.statement, *calls) if (loop := _at_work(file, site, frame)) is not None]
        if comparison is not None and loops and not any(_reads(file, loop, name) for loop in loops):
            path = shown(frame.f_code.co_filename)
            return f"{path}:{_line(one.statement)}", f"{path}:{_line(comparison)}"
    return None


def choice(frame: FrameType) -> str | None:
    """The line of the comparison by size that a frame, or who called it, is at work for."""
    for one in own(frame):
        inside = (known for known in _chosen(one.f_code.co_filename) if known[0] < one.f_lineno <= known[1])
        if found := max(inside, default=None):
            return f"{shown(one.f_code.co_filename)}:{found[2]}"
    return None


@functools.cache
def _chosen(path: str) -> tuple[tuple[int, int, int], ...]:
    """First and last lines of the conditions of a file that compare by size, and the comparisons' lines."""
    file = read(path)
    blocks = [node for node in file.parents if isinstance(node, ast.If)] if file else []
    return tuple(
        (block.lineno, block.end_lineno or block.lineno, _line(found))
        for block in blocks
        if file and (found := _compared(file, block))
    )


def _compared(file: File, block: ast.AST) -> ast.AST | None:
    """The comparison by size that a condition consists of, or that its name stands for."""
    if not isinstance(block, ast.If):
        return None
    nodes = list(ast.walk(block.test))
    named = [one.value for node in nodes if isinstance(node, ast.Name) for one in file.visible(node.id, node)]
    found = (node for node in (*nodes, *named) if isinstance(node, ast.Compare))
    return next((node for node in found if any(isinstance(op, ORDER) for op in node.ops)), None)


def _at_work(file: File, site: ast.AST, frame: FrameType) -> ast.AST | None:
    """The innermost loop around a place of the frame's function, if the frame is in it now."""
    loop = next((block for block in file.blocks(site) if isinstance(block, ast.For | ast.While)), None)
    if loop is None or not _is(file.scope(site), frame.f_code):
        return None
    return loop if loop.lineno <= frame.f_lineno <= (loop.end_lineno or 0) else None


def _reads(file: File, loop: ast.AST, name: str) -> bool:
    """Whether a loop hands a variable, or an attribute, to anything or calls it."""
    calls = (node for node in ast.walk(loop) if isinstance(node, ast.Call))
    given = (one for call in calls for one in (call.func, *call.args, *(word.value for word in call.keywords)))
    return any(name in (getattr(one, "id", None), isinstance(one, ast.Attribute) and one.attr) for one in given)


def _is(scope: ast.AST, code: CodeType) -> bool:
    """Whether this is the source of that code."""
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        return code.co_firstlineno == min(node.lineno for node in (scope, *scope.decorator_list))
    return isinstance(scope, ast.Module) and code.co_name == "<module>"
