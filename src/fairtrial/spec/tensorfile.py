"""Tensors on disk: a safetensors file whose metadata hold a SHA-256 over every bit of the file.

The metadata are one entry, because safetensors writes several in an order that changes from process to process: 64 hex
digits of the hash, then JSON.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load, save

from fairtrial.spec.arrays import Tensors
from fairtrial.spec.errors import DamagedFile

_KEY = b'"fairtrial":"'
_BLANK = b"0" * 64  # stands in the hash's place while the hash is taken


def pack(tensors: Tensors, meta: dict[str, Any]) -> bytes:
    """The file's bytes; equal content gives equal bytes. `meta` is anything JSON can write."""
    ordered = {name: tensors[name] for name in sorted(tensors)}
    plain = save(ordered, {"fairtrial": _BLANK.decode() + json.dumps(meta, sort_keys=True, allow_nan=False)})
    return plain.replace(_KEY + _BLANK, _KEY + hashlib.sha256(plain).hexdigest().encode(), 1)


def unpack(data: bytes, where: str) -> tuple[Tensors, dict[str, Any]]:
    """Tensors and metadata of a file; DamagedFile, naming `where`, if a single bit of it is not as it was written."""
    place = data.find(_KEY) + len(_KEY)
    digest = data[place : place + 64]
    blanked = data[:place] + _BLANK + data[place + 64 :]
    if place < len(_KEY) or hashlib.sha256(blanked).hexdigest().encode() != digest:
        raise DamagedFile(f"{where}: its SHA-256 does not fit its {len(data)} bytes; it is damaged or cut short")
    try:
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return load(data), json.loads(header["__metadata__"]["fairtrial"][len(_BLANK) :])
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedFile(f"{where}: not one of fairtrial's tensor files ({error})") from error
