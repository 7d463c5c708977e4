"""A user's own module: loaded from a file where the user said that its code may run, and named by what it is."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from fairtrial.spec.errors import UnknownName, UsageError

PLAIN = (bool, int, float, complex, str, bytes, type(None))


def load_class(path: Path, name: str) -> Any:
    """The class `name` in the file; UsageError if the file cannot be run, UnknownName if it has no such class."""
    if not path.is_file():
        raise UsageError(f"model: there is no file {path}; paths begin in the folder that you are in")
    names = vars(_executed(path))
    if name not in names:
        raise UnknownName("class", name, [n for n, v in names.items() if isinstance(v, type)], f"{path}: ")
    if not callable(names[name]):
        raise UsageError(f"model: {name} in {path} is no class that makes a net")
    return names[name]


class _Loader(SourceFileLoader):
    """Compiles what the file holds now: bytecode kept on the disk outlives an edit of the same second and size."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _executed(path: Path) -> Any:
    """The file as a module, under a name that no library has, with the files beside it to import."""
    place, folder = str(path.resolve()), str(path.resolve().parent)
    name = f"fairtrial_own_{hashlib.sha256(place.encode()).hexdigest()[:12]}"
    loader = _Loader(name, place)
    spec = importlib.util.spec_from_file_location(name, place, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where `inspect` looks for the class's source
    sys.path.insert(0, folder)  # as for a script
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise UsageError(f"model: {path} cannot be run: {error}; try `python {path}`") from error
    finally:
        sys.path.remove(folder)
        if folder not in sys.path:
            sys.path.append(folder)  # for what it imports later; behind, where it hides no library from us
    return module


def called(factory: Callable[..., Any]) -> str:
    """The name of what makes a module, for people."""
    inner = factory.func if isinstance(factory, functools.partial) else factory
    return getattr(inner, "__qualname__", type(inner).__name__)


def own_name(factory: Callable[..., Any], module: Any) -> str:
    """A user's own module in a recipe: its name and a hash that is another one for any other module.

    It covers the files or cells with the code of the factory and of each layer that is not torch's, what the factory
    was given, how the module prints, its layers' plain attributes, and the names and shapes of its tensors. What
    differs from process to process, such as addresses and paths, is left out.
    """
    inner = factory.func if isinstance(factory, functools.partial) else factory
    defined = inner if inspect.isclass(inner) or inspect.isroutine(inner) else type(inner)
    sources = {whole_source(defined), *(whole_source(kind) for kind in _kinds(module))}
    tensors = sorted((name, tuple(t.shape), str(t.dtype)) for name, t in _tensors(module))
    layers = [(name, type(layer).__qualname__, _plain(vars(layer))) for name, layer in module.named_modules()]
    parts = (_source(defined), sorted(sources), _given(factory), repr(module), layers, tensors)
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(parts))
    return f"{called(factory)}#{hashlib.sha256(text.encode('utf8', 'replace')).hexdigest()[:12]}"


def _kinds(module: Any) -> set[type]:
    """The classes of a module's layers and their bases that torch does not bring."""
    every = {kind for layer in module.modules() for kind in type(layer).__mro__}
    return {kind for kind in every if kind.__module__.partition(".")[0] not in ("torch", "builtins", "typing", "abc")}


def _tensors(module: Any) -> Iterator[tuple[str, Any]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def _given(factory: Callable[..., Any]) -> Any:
    """Plain values that a factory has: arguments of a partial, defaults, and what it refers to outside itself."""
    if isinstance(factory, functools.partial):
        return _plain(list(factory.args)), _plain(factory.keywords), _given(factory.func)
    if not inspect.isfunction(factory):
        return None
    outside = inspect.getclosurevars(factory)
    given = (factory.__defaults__, factory.__kwdefaults__, outside.nonlocals, outside.globals)
    return [_plain(values) for values in given]


def _plain(value: Any) -> Any:
    """The value as far as it is made of numbers and text; of anything else the name of its type."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return sorted((str(key), repr(_plain(item))) for key, item in value.items() if str(key)[:1] != "_")
    return type(value).__qualname__


def whole_source(defined: Any) -> str:
    """The text of the file or cell in which a class or function is defined."""
    return _read(defined, lambda found: "".join(inspect.findsource(found)[0]))


def _source(defined: Any) -> str:
    return _read(defined, inspect.getsource)


def _read(defined: Any, read: Callable[[Any], str]) -> str:
    """Read the source of a class or function; a class in a notebook's cell is found by its methods."""
    methods = (
        [value for value in vars(defined).values() if inspect.isfunction(value)] if inspect.isclass(defined) else []
    )
    for found in (defined, *methods):
        try:
            return read(found)
        except (OSError, TypeError):
            continue
    raise UsageError(f"module={defined!r}: its source cannot be read; define it in a file or a cell")
