"""What is written carries its schema and the version that wrote it; files of a later schema are refused by these."""

from __future__ import annotations

import functools
import importlib.metadata
import re
from collections.abc import Mapping
from typing import Any

from fairtrial.spec.errors import NewerVersion

SCHEMA = 1  # of made.json and of states


@functools.cache
def version_of(package: str) -> str:
    """The version of a package as it is installed."""
    return importlib.metadata.version(package)  # parses a file of hundreds of lines


def check_schema(told: Mapping[str, Any], version: object, where: str) -> None:
    """NewerVersion for a file that says that its schema is a later one; `version` wrote it."""
    schema = told.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise newer(version, where)


def newer(version: object, where: str) -> NewerVersion:
    """The error for a file that this version cannot read."""
    return NewerVersion(f"{where}: written by fairtrial {version}\nneeds version >= {version}; nothing was changed")


def is_newer(version: object) -> bool:
    """Whether this names a later version than the one at work."""
    return _numbers(str(version)) > _numbers(version_of("fairtrial"))


def written_by(made: Mapping[str, Any]) -> object:
    """The version that began a run, from its made.json."""
    environment = made.get("environment")
    return environment.get("fairtrial") if isinstance(environment, dict) else None


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,9}", version)]
