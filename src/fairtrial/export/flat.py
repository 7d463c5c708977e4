"""Every layer of an architecture, one after another."""

from __future__ import annotations

from collections.abc import Iterator

from fairtrial.spec.arch import Arch, Layer, Residual


def flat(arch: Arch) -> Iterator[Layer]:
    """Every layer, those inside of residual blocks too."""
    for layer in arch:
        yield layer
        if isinstance(layer, Residual):
            yield from flat((*layer.body, *layer.shortcut))
