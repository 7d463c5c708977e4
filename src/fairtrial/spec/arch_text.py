"""Architectures are read from one line of text, and placeholders in them are filled in from a recipe.

arch     = layer, layer, ...
layer    = word [numbers and options]  |  residual( arch [ | arch ] )
conv     = conv UNITS [KERNEL] [stride N] [same | valid | pad N] [reflect] [no-bias]
pool     = pool [KERNEL] [stride N]         also avg-pool; global-pool, flatten, batch-norm take nothing
linear   = linear UNITS|classes [no-bias]
others   = dropout [RATE], leaky-relu [SLOPE], relu, silu, gelu, sigmoid, tanh, softmax, log-softmax, act, norm
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from fairtrial.spec import arch as a
from fairtrial.spec.errors import UnknownName, UsageError
from fairtrial.spec.registry import number

_BY_WORD = {word: kind for kind, word in a.WORDS.items()}
_TOKEN = re.compile(r"\s*([(),|]|[^\s(),|]+)")
_DEEPEST = 8  # residual blocks inside residual blocks; a limit, so that hostile text cannot exhaust the stack


def read_arch(line: str) -> a.Arch:
    """The architecture that `line` describes; UsageError with the nearest words where it cannot be read."""
    tokens = _TOKEN.findall(line)
    arch, rest = _read(tokens, 0)
    if rest:
        raise UsageError(f"model {line!r}: unexpected {rest[0]!r}")
    return arch


def _read(tokens: list[str], depth: int) -> tuple[a.Arch, list[str]]:
    """Layers up to a closing bracket, a bar or the end; and what is left."""
    if depth > _DEEPEST:
        raise UsageError(f"model: more than {_DEEPEST} residual blocks inside one another")
    layers: list[a.Layer] = []
    while True:
        end = next((i for i, token in enumerate(tokens) if token in "(),|"), len(tokens))
        head, tokens = tokens[:end], tokens[end:]
        if head == ["residual"] and tokens[:1] == ["("]:
            layer, tokens = _residual(tokens[1:], depth + 1)
        else:
            layer = _layer(head)
        layers.append(layer)
        if tokens[:1] != [","]:
            return tuple(layers), tokens
        tokens = tokens[1:]


def _residual(tokens: list[str], depth: int) -> tuple[a.Residual, list[str]]:
    body, tokens = _read(tokens, depth)
    shortcut: a.Arch = ()
    if tokens[:1] == ["|"]:
        shortcut, tokens = _read(tokens[1:], depth)
    if tokens[:1] != [")"]:
        raise UsageError("model: a residual( is not closed by ); it is residual(body) or residual(body | shortcut)")
    return a.Residual(body, shortcut), tokens[1:]


def _layer(head: list[str]) -> a.Layer:
    if not head:
        raise UsageError(
            "model: a layer is missing between two commas, or the text is empty; see: fairtrial list layers"
        )
    word, options = head[0], iter(head[1:])
    if word not in _BY_WORD or word == "residual":
        raise UnknownName("layer", word, _BY_WORD)
    layer = _make(word, options)
    for left in options:
        raise UsageError(f"model: {word} does not take {left!r}")
    return layer


def _make(word: str, options: Iterator[str]) -> a.Layer:
    kind = _BY_WORD[word]
    if kind is a.Conv:
        return _conv(options)
    if kind in (a.MaxPool, a.AvgPool):
        return _pool(kind, options)
    if kind is a.Linear:
        return _linear(options)
    argument = next(options, None) if kind in (a.Dropout, a.LeakyReLU) else None
    return kind() if argument is None else kind(number(argument, word))  # type: ignore[call-arg]


def _count(words: Iterator[str], what: str, least: int = 1) -> int:
    word = next(words, "")
    if not word.isdecimal() or not least <= int(word) <= 1_000_000:
        raise UsageError(f"model: {what} must be a whole number from {least} to 1000000, not {word!r}")
    return int(word)


def _conv(options: Iterator[str]) -> a.Conv:
    layer = a.Conv(_count(options, "conv's number of kernels"))
    for option in options:
        layer = _conv_option(layer, option, options)
    return layer


def _conv_option(layer: a.Conv, option: str, options: Iterator[str]) -> a.Conv:
    match option:
        case "stride":
            return replace(layer, stride=_count(options, "conv's stride"))
        case "pad":
            return replace(layer, pad=_count(options, "conv's pad", least=0))
        case "same" | "valid":
            pad: Literal["same", "valid"] = "same" if option == "same" else "valid"
            return replace(layer, pad=pad)
        case "reflect":
            return replace(layer, mode="reflect")
        case "no-bias":
            return replace(layer, bias=False)
        case _:
            return replace(layer, kernel=_count(iter([option]), "conv's kernel size"))


def _pool(kind: type[a.Layer], options: Iterator[str]) -> a.Layer:
    kernel, stride = 2, 0
    for option in options:
        if option == "stride":
            stride = _count(options, "pool's stride")
        else:
            kernel = _count(iter([option]), "pool's window")
    return a.MaxPool(kernel, stride) if kind is a.MaxPool else a.AvgPool(kernel, stride)


def _linear(options: Iterator[str]) -> a.Linear:
    first = next(options, "")
    units: int | Literal["classes"] = (
        "classes" if first == "classes" else _count(iter([first]), "linear's number of units")
    )
    bias = next(options, None)
    if bias not in (None, "no-bias"):
        raise UsageError(f"model: linear does not take {bias!r}")
    return a.Linear(units, bias is None)


def resolve(arch: a.Arch, *, activation: str, norm: str, dropout: float, outputs: int) -> a.Arch:
    """The architecture with the recipe's words in place of `act`, `norm`, `dropout` and `linear classes`.

    A dropout of rate 0 and a norm of "none" leave no layer behind.
    """
    return tuple(
        filled for layer in arch for filled in _filled(layer, activation, norm, dropout, outputs)
    )  # fmt: skip


def _filled(layer: a.Layer, activation: str, norm: str, dropout: float, outputs: int) -> a.Arch:
    match layer:
        case a.Activation():
            return (_activation(activation),)
        case a.Norm():
            return () if norm == "none" else (a.BatchNorm(),)
        case a.Dropout():
            rate = dropout if layer.rate is None else layer.rate
            return (a.Dropout(rate),) if rate else ()
        case a.Linear(units="classes"):
            return (replace(layer, units=outputs),)
        case a.Residual():
            fill = {"activation": activation, "norm": norm, "dropout": dropout, "outputs": outputs}
            return (a.Residual(resolve(layer.body, **fill), resolve(layer.shortcut, **fill)),)  # type: ignore[arg-type]
        case _:
            return (layer,)


def _activation(text: str) -> a.Layer:
    word = text.split()[0] if text.split() else ""
    if word not in a.ACTIVATIONS:
        raise UnknownName("activation", word, a.ACTIVATIONS)
    return _layer(text.split())
