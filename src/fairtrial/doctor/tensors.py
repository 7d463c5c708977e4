"""What is read off tensors and graphs, without changing them and without a random number."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction

from fairtrial.doctor.observations import Input, Origin, Scores, Shares, Targets

MARK = "fairtrial"  # the key of a graph node's metadata that holds the line that made it
SCORES = "fairtrial.scores"  # the key of a graph node's metadata that holds the numbers that it gave
NARROW = 10  # between which scores are cut, so that the loss cannot get to 0
KEPT = 1_000_000  # numbers of a tensor at most
RESHAPING = frozenset(
    [
        "View",
        "UnsafeView",
        "ReshapeAlias",
        "Squeeze",
        "Unsqueeze",
        "Clone",
        "Alias",
        "ToCopy",
        "T",
        "Transpose",
        "Permute",
        "Slice",
        "Expand",
        "Select",
    ]
)
ACCUMULATE = "torch::autograd::AccumulateGrad"  # the node of a leaf
NORMS = frozenset(("NativeBatchNorm", "CudnnBatchNorm", "NativeGroupNorm", "NativeLayerNorm"))
PRODUCTS = frozenset(("Addmm", "Mm", "Addmv", "Mv", "Bmm", "Baddbmm"))  # their last two operands are matrices
LAYERS = frozenset(("Addmm", "Mm", "Convolution", "MkldnnConvolution", "Linear", "Addmv", "Mv"))
# f(a x + b y) = a f(x) + b f(y) for a + b = 1, once the statistics of a batch norm and the mask of a dropout are fixed.
AFFINE = (
    RESHAPING
    | LAYERS
    | frozenset(
        [
            "Add",
            "Sub",
            "Neg",
            "Mean",
            "Sum",
            "AvgPool2D",
            "AdaptiveAvgPool2D",
            "MkldnnAdaptiveAvgPool2D",
            "AvgPool1D",
            "NativeBatchNorm",
            "Cat",
            "Stack",
            "CudnnBatchNorm",
            "ConstantPadNd",
            "NativeDropout",
            "FusedDropout",
            "Index",
            "Roll",
            "Flip",
            ACCUMULATE,
        ]
    )
)
# Between probabilities and their logarithm.
PICKING = RESHAPING | {"Gather", "Index", "Clamp", "ClampMin", "ClampMax", "Add", "Sub", "Rsub", "Mul", "Div", "Sum"}
PASSING = RESHAPING | {"Index", "IndexSelect"}  # scores stay what they were made as
NORMALISING = ("LogSoftmax", "Logsumexp", "Softmax")
SCALING = frozenset(("Mul", "Div", "Bmm", "Baddbmm"))  # affine where the other factor is a constant
ASKED = 64  # pictures of a batch whose pixels are compared with their neighbours
BANDS = 16  # channels of a picture at most
NODES = 20_000  # of a graph at most


def name_of(node: Any) -> str:
    """What autograd calls the operation: AddmmBackward0 is Addmm."""
    return node.name().split("Backward")[0]


def origin(tensor: Tensor) -> Origin | None:
    """The operation that made the tensor, reshaping aside; None for data."""
    return made(tensor.grad_fn)


def made(node: Any) -> Origin | None:
    """The operation that made what a node of a graph gives, reshaping aside."""
    while node is not None and name_of(node) in PASSING and node.next_functions and MARK not in node.metadata:
        node = node.next_functions[0][0]
    if node is None:
        return None
    if name_of(node) in ("Cat", "Stack"):
        parts = [made(before) for before, _ in node.next_functions]
        return parts[0] if len({part and part.name for part in parts}) == 1 else Origin(name_of(node))
    if (hand := spelled(node)) is not None:
        return Origin(hand.name, next((line for one in (node, *hand.nodes) if (line := _where(one))), None))
    marked: tuple[str, str | None] | None = node.metadata.get(MARK)
    return Origin(_cut(node) or (marked[0] if marked else name_of(node)), marked[1] if marked else None)


def _cut(node: Any) -> str | None:
    """The activation that a clamp is."""
    if not name_of(node).startswith("Clamp") or node.name() in ("ClampBackward0", "ClampMinBackward1"):
        return None  # by tensors
    low, high = getattr(node, "_saved_min", None), getattr(node, "_saved_max", None)
    if low is None or high is None:
        return "Relu" if low == 0 else None
    return "Hardtanh" if high - low <= NARROW else None


@dataclass(frozen=True)
class Spelled:
    """A function that is written by hand, as torch calls it, and its operations, the last one that it is taken of."""

    name: str
    nodes: tuple[Any, ...]


def spelled(node: Any) -> Spelled | None:
    """The softmax, sigmoid, log-softmax or logsumexp that a few operations spell out."""
    match name_of(node), operands(node):
        case "Log", [inner, *_] if inner is not None:
            if name_of(inner) == "Sum" and (power := _exponential(inner)) is not None:
                return Spelled("Logsumexp", (inner, power, _core(power)))
            hand = Spelled("Softmax", (inner, *operands(inner))) if name_of(inner) == "Softmax" else spelled(inner)
            return Spelled("LogSoftmax", hand.nodes) if hand is not None and hand.name == "Softmax" else None
        case "Sub", [scores, total] if scores is not None and total is not None:
            hand = Spelled("", tuple(operands(total))) if name_of(total) == "Logsumexp" else spelled(total)
            if hand is None or hand.name not in ("", "Logsumexp") or _core(hand.nodes[-1]) is not _core(scores):
                return None
            return Spelled("LogSoftmax", (total, *hand.nodes))
        case "Exp", [inner] if inner is not None and name_of(inner) in ("LogSoftmax", "LogSigmoid"):
            return Spelled(name_of(inner).removeprefix("Log").capitalize(), (inner, *operands(inner)))
        case "Div", [scores, inner] if scores is not None and inner is not None and name_of(inner) == "Add":
            risen = [one for one in operands(inner) if one is not None]
            if len(risen) == 1 and name_of(risen[0]) == "Abs" and operands(risen[0]) == [scores]:
                return Spelled("Softsign", (inner, risen[0], scores))
            if len(risen) == 2 and all(map(_raises, risen)) and name_of(scores) == "Sub":
                return Spelled("Tanh", (inner, *risen))
        case "Mul" | "Div", [inner, None] | [None, inner] if inner is not None and name_of(inner) == "Add":
            risen = [one for one in operands(inner) if one is not None]
            if len(risen) == 1 and name_of(risen[0]) == "Tanh":
                return Spelled("Sigmoid", (inner, risen[0], *operands(risen[0])))
        case _:
            pass
    top, bottom = _quotient(node)
    power = None if bottom is None else _exponential(bottom)
    if bottom is None or power is None:
        return None
    while top is not None and name_of(top) in ("Gather", "Index", *RESHAPING):
        top = top.next_functions[0][0]
    shared = top is not None and _raises(top) and _core(top) is _core(power)
    if name_of(bottom) == "Sum":
        return Spelled("Softmax", (bottom, power, _core(power))) if shared else None
    return Spelled("Sigmoid", (bottom, power, _core(power))) if shared or top is None else None


def operands(node: Any) -> list[Any]:
    """What an operation is taken of, reshaping aside; None for what nothing is learned by."""
    return [past_reshaping(before) for before, _ in node.next_functions]


def _quotient(node: Any) -> tuple[Any, Any]:
    """Numerator and denominator, None for constants."""
    match name_of(node), operands(node):
        case "Div", [top, bottom]:
            return top, bottom
        case "Reciprocal", [bottom]:
            return None, bottom
        case "Pow", [bottom] if node._saved_exponent == -1:
            return None, bottom
        case "Mul", [a, b]:
            for top, other in ((a, b), (b, a)):
                if other is not None and name_of(other) == "Reciprocal":
                    return top, operands(other)[0]
        case _:
            pass
    return None, None


def _exponential(total: Any) -> Any:
    """The exponential that is summed, over a row or with a constant."""
    if name_of(total) not in ("Sum", "Add"):
        return None
    return next((one for one in operands(total) if one is not None and _raises(one)), None)


def _raises(node: Any) -> bool:
    """Whether it is an exponential: exp, exp2, or a number to the power of a tensor."""
    return name_of(node) in ("Exp", "Exp2") or node.name() == "PowBackward2"


def _core(node: Any) -> Any:
    """What an exponential is taken of, whatever was subtracted."""
    while node is not None and node.next_functions and (_raises(node) or name_of(node) in ("Sub", *RESHAPING)):
        node = node.next_functions[0][0]
    return node


def mark(tensor: Tensor, name: str, where: str | None) -> None:
    """Note on the tensor's graph node which line made it."""
    node: Any = tensor.grad_fn
    if node is not None:
        node.metadata[MARK] = (name, where)


def keep(result: Any) -> None:
    """Note on the graph node of what may be a loss's scores which numbers they are; they are gone with the graph."""
    if isinstance(result, Tensor) and result.grad_fn is not None and 0 < result.dim() < 3 and result.numel() < KEPT:
        node: Any = result.grad_fn
        node.metadata[SCORES] = result.detach()


def walk(tensor: Tensor) -> Iterator[Any]:
    """Every node of the graph behind a tensor, once, later ones first."""
    return behind(tensor.grad_fn)


def behind(*ends: Any) -> Iterator[Any]:
    """These nodes of a graph and those behind them, once, later ones first."""
    found: set[Any] = set()
    waiting = list(ends)
    while waiting and len(found) < NODES:
        node = waiting.pop()
        if node is None or node in found:
            continue
        found.add(node)
        yield node
        waiting.extend(before for before, _ in node.next_functions)


def leaves(tensor: Tensor) -> list[Tensor]:
    """The tensors at the ends of the graph that will get gradients."""
    ends = [node.variable for node in walk(tensor) if name_of(node) == ACCUMULATE]
    return [tensor, *ends] if tensor.is_leaf and tensor.requires_grad else ends


def nonlinear(*ends: Any) -> frozenset[str]:
    """The operations behind nodes of a graph that are not affine; unknown ones count as such."""
    return frozenset(name_of(node) for node in behind(*ends) if not _affine(node))


def _affine(node: Any) -> bool:
    name = name_of(node)
    return name in AFFINE or (name in SCALING and sum(_varies(before) for before, _ in node.next_functions) < 2)


def _varies(node: Any) -> bool:
    inner = past_reshaping(node)
    return inner is not None and name_of(inner) != ACCUMULATE


def is_layer(node: Any) -> bool:
    """Whether an operation multiplies by weights: a product of batches does if one factor is a parameter."""
    if name_of(node) not in ("Bmm", "Baddbmm"):
        return name_of(node) in LAYERS
    factors = [past_reshaping(before) for before, _ in node.next_functions[-2:]]
    return any(one is not None and name_of(one) == ACCUMULATE for one in factors)


def depth(*ends: Any) -> int:
    """Layers with weights on the longest way from these nodes to an end of the graph."""
    nodes = list(behind(*ends))
    longest: dict[Any, int] = {None: 0}
    for node in _ends_first(nodes):
        below = max((longest.get(before, 0) for before, _ in node.next_functions), default=0)
        longest[node] = below + is_layer(node)
    return max(longest.get(end, 0) for end in ends)


def _ends_first(nodes: list[Any]) -> list[Any]:
    users = dict.fromkeys(nodes, 0)
    for node in nodes:
        for before, _ in node.next_functions:
            if before in users:
                users[before] += 1
    ready, order = [node for node in nodes if not users[node]], []
    while ready:
        node = ready.pop()
        order.append(node)
        for before, _ in node.next_functions:
            if before in users:
                users[before] -= 1
                if not users[before]:
                    ready.append(before)
    return order[::-1]


def squashed(*ends: Any) -> tuple[Origin, ...]:
    """The softmaxes, sigmoids and tanhs whose results layers with weights multiply, the first layers' first."""
    found: list[Origin] = []
    for node in behind(*ends):
        operands = [past_reshaping(before) for before, _ in node.next_functions]
        if is_layer(node) and any(one is not None and not _varies(one) for one in operands):
            found += [Origin(name_of(one), _where(one)) for one in operands if one is not None and _squashes(one)]
    return tuple(reversed(found))


def _squashes(node: Any) -> bool:
    return name_of(node) in ("Softmax", "Sigmoid", "Tanh")


def _where(node: Any) -> str | None:
    made: tuple[str, str | None] | None = node.metadata.get(MARK)
    return made[1] if made else None


def passes_beside(loss: Tensor, stops: set[Any]) -> bool:
    """Whether a loss depends on data in a way that leads through none of these operations."""
    found, waiting = set(stops), [loss.grad_fn]
    while waiting:
        node: Any = waiting.pop()
        if node in found:
            continue
        found.add(node)
        operands = [before for before, _ in node.next_functions]
        if name_of(node) == "Embedding" or (None in operands and name_of(node) in LAYERS | {"Add", "Sub", "Cat"}):
            return True
        waiting += [before for before in operands if before is not None]
    return False


def shortcuts(loss: Tensor) -> dict[str, bool]:
    """Lines of ReLUs: whether something is added to what comes of each, and so passes beside it."""
    users: dict[Any, list[Any]] = {}
    nodes = list(walk(loss))
    for node in nodes:
        for before, _ in node.next_functions:
            users.setdefault(before, []).append(node)
    beside: dict[str, bool] = {}
    for node in nodes:
        if rectifies(node) and (where := _where(node)):
            after, waiting = {node}, [node]
            while waiting:
                new = [user for user in users.get(waiting.pop(), ()) if user not in after]
                after.update(new)
                waiting += new
            joined = {one for one in after if name_of(one) in ("Cat", "Stack")}
            beside[where] = beside.get(where, True) and passes_beside(loss, {node, *joined})
    return beside


def hidden(loss: Tensor) -> set[str]:
    """Lines of ReLUs that a layer with weights comes after."""
    before = [one for node in walk(loss) if is_layer(node) for one, _ in node.next_functions]
    return {where for node in behind(*before) if rectifies(node) and (where := _where(node))}


def rectifies(node: Any) -> bool:
    """Whether it may be a ReLU."""
    return "Relu" in (name_of(node), _cut(node)) or name_of(node) == "Maximum"


def past_reshaping(node: Any) -> Any:
    """The node whose result is only seen in another shape."""
    while node is not None and name_of(node) in RESHAPING and node.next_functions:
        node = node.next_functions[0][0]
    return node


def log_of(loss: Tensor) -> Origin | None:
    """What made the probabilities that a hand-written loss takes the logarithm of, and the line of the logarithm."""
    for node in walk(loss):
        if name_of(node) in ("Log", "Log2", "Log10") and MARK in node.metadata:
            inner = _picked(node.next_functions[0][0])
            hand = None if inner is None else spelled(inner)
            name = "" if inner is None else hand.name if hand else name_of(inner)
            if name in ("Softmax", "Sigmoid") or (inner is not None and _bare_exponential(inner)):
                return Origin(name, _where(node))
    return None


def _picked(node: Any) -> Any:
    """What numbers were picked from, moved or scaled; None where they are made of several things, as a mixture is."""
    while node is not None and name_of(node) in PICKING and spelled(node) is None:
        behind = [before for before, _ in node.next_functions if before is not None]
        sources = {_picked(before) for before in behind} if len(behind) > 1 else set(behind)
        node = sources.pop() if len(sources) == 1 else None
    return node


@dataclass(frozen=True)
class Head:
    """A loss's graph down to the last layers with weights, nodes near the loss first."""

    nodes: dict[Any, None]
    layers: list[Any]
    parameters: list[Tensor]  # that are reached past all layers
    ends: frozenset[Any]  # the nodes of both
    foreign: bool  # some node is the user's own
    half: bool  # some of it is in 16-bit floats of 5 exponent bits


def head(loss: Tensor) -> Head:
    """What a loss is made of, as far as the last layers with weights."""
    nodes, layers, parameters, leaves = dict[Any, None](), dict[Any, None](), dict[Tensor, None](), set[Any]()
    waiting = deque([loss.grad_fn])
    while waiting and len(nodes) < NODES:
        node: Any = waiting.popleft()
        if node is None or node in nodes or node in layers:
            continue
        if is_layer(node):
            layers[node] = None
        elif name_of(node) == ACCUMULATE:
            parameters[node.variable] = None
            leaves.add(node)
        else:
            nodes[node] = None
            waiting.extend(before for before, _ in node.next_functions)
    return Head(
        nodes,
        list(layers),
        list(parameters),
        ends=frozenset((*layers, *leaves)),
        foreign=any(isinstance(node, BackwardCFunction) for node in nodes),
        half=any(made.dtype == torch.float16 for node in (*nodes, *layers) for made in node._input_metadata),
    )


def only_way(head: Head, loss: Tensor, node: Any) -> bool:
    """Whether no layer and no parameter gets to a loss but through this node."""
    seen, waiting = {node}, [loss.grad_fn]
    while waiting:
        one: Any = waiting.pop()
        if one is None or one in seen:
            continue
        if one in head.ends:
            return False
        seen.add(one)
        waiting.extend(before for before, _ in one.next_functions)
    return True


def line_of(head: Head, *names: str) -> str | None:
    """The line that made the node nearest to the loss that has one of these names and a line."""
    marks: list[tuple[str, str | None]] = [node.metadata[MARK] for node in head.nodes if MARK in node.metadata]
    return next((where for name, where in marks if name in names), None)


def _bare_exponential(node: Any) -> bool:
    """exp of numbers that the largest was not subtracted from: it overflows at 89."""
    before = node.next_functions[0][0] if name_of(node) == "Exp" else None
    return before is not None and name_of(before) != "Sub"


def normaliser(head: Head) -> tuple[Origin | None, Origin | None]:
    """The softmax or logsumexp nearest to a loss, and what made the numbers that it is taken of."""
    for node in head.nodes:
        if name_of(node) in NORMALISING:
            return made(node), made(node.next_functions[0][0])
        if (hand := spelled(node)) is not None and hand.name in NORMALISING:
            return made(node), made(hand.nodes[-1])
    return None, None


def likelihoods(slope: Tensor, value: float) -> float | None:
    """How many times minus the mean log-likelihood a loss is, from its derivatives by the scores, in rows of examples.

    For a = 1/B they are a (p - y), with one class y a row: half their absolute sum is a (1 - p_y).
    """
    rows, columns = slope.shape
    missing = slope.double().abs().sum(1) / min(columns, 2)
    odd = (slope < 0).sum(1) if value > 0 else (slope > 0).sum(1)
    if columns > 1 and bool((odd != 1).any()):
        return None
    for times in (1.0, float(rows)):
        total = -times / rows * torch.log1p(-(missing * rows / times)).sum()  # no number where a share is above 1
        if math.isclose(float(total), abs(value), rel_tol=1e-3):
            return math.copysign(times, value)
    return None


def singular(loss: Tensor) -> Origin | None:
    """A square root or deviation behind a loss that is 0 somewhere."""
    for node in walk(loss):
        if name_of(node) in ("Sqrt", "Std") and bool((node._saved_result == 0).any()):
            return made(node)
    return None


def scores(tensor: Tensor) -> Scores:
    """The numbers that a loss was given; classes are axis 1."""
    x = tensor.detach().float()
    x = x.reshape(-1, 1) if x.dim() < 2 else x.movedim(1, -1).reshape(-1, x.shape[1]) if x.dim() > 2 else x
    low, high = torch.aminmax(x)
    return Scores(
        minimum=float(low),
        maximum=float(high),
        deviation=float(x.std(unbiased=False)),
        zeros=float((x == 0).float().mean()),
        row_sum_error=float((x.sum(1) - 1).abs().max()),
        column_sum_error=float((x.sum(0) - 1).abs().max()),
        row_log_error=float(x.logsumexp(1).abs().max()),
        column_log_error=float(x.logsumexp(0).abs().max()),
        finite=math.isfinite(float(low)) and math.isfinite(float(high)),
        distinct=bool((x != x[:1]).any()),
    )


def shares(tensor: Tensor) -> Shares:
    """How far numbers are from probabilities and from their logarithms, along any axis or as a whole."""
    x = tensor.detach().float()
    low, high = torch.aminmax(x)
    ways = [x.reshape(-1), *(x.movedim(axis, 0).flatten(1) for axis in range(x.dim()) if x.dim() > 1)]
    return Shares(
        minimum=float(low),
        maximum=float(high),
        sum_error=min(float((way.sum(0) - 1).abs().max()) for way in ways),
        log_error=min(float(way.logsumexp(0).abs().max()) for way in ways),
    )


def targets(tensor: Tensor, classes: int) -> Targets:
    """What the scores are compared with."""
    y = tensor.detach()
    flat = y.reshape(-1).double()
    whole = not y.is_floating_point() or bool((flat == flat.round()).all())
    columns = y.shape[1] if y.dim() > 1 else 1
    one_hot = columns > 1 and whole and bool(((y == 0) | (y == 1)).all()) and bool((y.sum(1) == 1).all())
    numbered = whole and columns == 1 and y.dim() < 3 and bool((flat >= 0).all()) and bool((flat < 10_000).all())
    counts = torch.bincount(flat.long(), minlength=classes).tolist() if numbered else []
    return Targets(float(flat.min()), float(flat.max()), whole, columns, one_hot, tuple(counts))


def describe(tensor: Tensor) -> Input:
    """The numbers that a model was given."""
    x = tensor.detach()
    values = x.float()
    low, high = torch.aminmax(values)
    finite = math.isfinite(float(low)) and math.isfinite(float(high))
    parts = (values[:1], values)  # one example mostly says it
    whole = not x.is_floating_point() or (finite and all(bool((part == part.round()).all()) for part in parts))
    held = x.untyped_storage().nbytes() // max(x.element_size(), 1)
    mean = values.mean()
    deviation = (values - mean).square().mean().sqrt()  # std_mean takes ten times as long
    share = x.numel() / max(held, 1)
    images = x.dim() == 4
    blank = float((values.flatten(1).amin(1) == values.flatten(1).amax(1)).float().mean()) if x.dim() > 2 else 0.0
    return Input(
        tuple(x.shape),
        float(low),
        float(high),
        float(mean),
        float(deviation),
        finite,
        whole,
        digest(x),
        share,
        blank,
        neighbours(values[:ASKED]) if images else None,
        neighbours(relabelled(values[:ASKED])) if images and 1 < x.shape[1] <= BANDS else None,
        made=tensor.requires_grad,
    )


def digest(tensor: Tensor) -> int:
    """A number that two tensors share if their bytes are the same."""
    x = tensor.detach().contiguous().cpu()
    return hash((tuple(x.shape), x.reshape(-1).view(torch.uint8).numpy().tobytes())) if x.numel() else 0


def distinct_rows(weight: Tensor) -> int:
    """Units that differ in their weights by more than rounding."""
    rows = weight.detach().reshape(weight.shape[0], -1)
    if rows.shape[0] > 4096:
        rows = rows[:4096]
    return len({row.tobytes() for row in rows.double().cpu().numpy().round(12)})


def relabelled(images: Tensor) -> Tensor:
    """The same numbers in the same order, read as if channels were last: channels first again."""
    n, c, h, w = images.shape
    return images.reshape(n, h, w, c).permute(0, 3, 1, 2)


def neighbours(images: Tensor) -> float:
    """The correlation of pixels with those to their right and below them, each channel's mean left out."""
    planes = images - images.mean((2, 3), keepdim=True)
    pairs = (planes[..., :-1], planes[..., 1:]), (planes[..., :-1, :], planes[..., 1:, :])
    sizes = [float(a.norm() * b.norm()) for a, b in pairs]
    return sum(float((a * b).sum()) / size if size else 0.0 for (a, b), size in zip(pairs, sizes, strict=True)) / 2


def row_digests(tensor: Tensor) -> list[int]:
    """A number for each row, shared by rows of the same bytes."""
    rows = tensor.detach().reshape(len(tensor), -1).contiguous().cpu()
    return [hash(row.tobytes()) for row in rows.view(torch.uint8).numpy()]
