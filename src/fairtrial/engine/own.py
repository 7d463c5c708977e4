"""A user's own module class, loaded from a file only where the user said that its code may run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from fairtrial.spec.errors import UnknownName, UsageError


def load_class(path: Path, name: str) -> Any:
    """The class `name` in the file; UsageError if the file cannot be run, UnknownName if it has no such class."""
    if not path.is_file():
        raise UsageError(f"model: there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # where `inspect` looks for the class's source
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(f"model: {path} cannot be run: {error}") from error
    names = vars(module)
    if name not in names:
        raise UnknownName(f"class in {path}", name, [n for n, v in names.items() if isinstance(v, type)])
    if not callable(names[name]):
        raise UsageError(f"model: {name} in {path} is no class that makes a net")
    return names[name]
