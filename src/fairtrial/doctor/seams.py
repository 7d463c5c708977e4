"""The one door to torch's seams: attributes of torch that are replaced while a watch lasts, and report to it."""

# What modules, optimizers and frames are like inside is torch's and Python's own business, and what is looked at here.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import builtins
import functools
import inspect
import re
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.jit import _builtins
from torch.nn import functional
from torch.optim import lr_scheduler
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.data import DataLoader
from torch.utils.data import dataloader as loading
from torch.utils.data._utils import worker

from fairtrial.doctor import tensors
from fairtrial.doctor.importing import After
from fairtrial.doctor.lines import FOREIGN, foreign, lines_above, place
from fairtrial.doctor.observations import Axis, Misfrozen, Scheduled, ScheduleMade
from fairtrial.doctor.watch import Watch
from fairtrial.doctor.watched.calls import called_by
from fairtrial.doctor.watched.models import names
from fairtrial.doctor.watched.part import CLOSE, sampled

LOSSES = (
    "cross_entropy",
    "nll_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "multilabel_soft_margin_loss",
)
MARKED = (
    ("Softmax", "softmax", (functional, torch, torch.special, Tensor)),
    ("LogSoftmax", "log_softmax", (functional, torch, torch.special, Tensor)),
    ("Sigmoid", "sigmoid", (functional, torch, Tensor)),
    ("Sigmoid", "sigmoid_", (torch, Tensor)),
    ("Sigmoid", "expit", (torch.special,)),
    ("Relu", "relu", (functional, torch, Tensor)),
    ("Relu", "relu_", (torch, Tensor)),
    ("Tanh", "tanh", (functional, torch, Tensor)),
    ("LeakyRelu", "leaky_relu", (functional,)),
    ("Elu", "elu", (functional,)),
    ("Gelu", "gelu", (functional,)),
    ("Silu", "silu", (functional,)),
    ("Softplus", "softplus", (functional,)),
    ("Hardtanh", "hardtanh", (functional,)),
    ("Clamp", "clamp", (torch, Tensor)),
    ("ClampMin", "clamp_min", (torch, Tensor)),
    ("Maximum", "maximum", (torch, Tensor)),
    ("Where", "where", (torch, Tensor)),
    ("Exp", "exp", (torch, Tensor)),
    ("Log", "log", (torch, Tensor)),
    ("Log2", "log2", (torch, Tensor)),
    ("Log10", "log10", (torch, Tensor)),
    ("Logsumexp", "logsumexp", (torch, torch.special, Tensor)),
    ("Sqrt", "sqrt", (torch, Tensor)),
    ("Mean", "mean", (torch, Tensor)),
    ("Sum", "sum", (torch, Tensor)),
    ("Neg", "neg", (torch, Tensor)),
    ("Neg", "__neg__", (Tensor,)),
    ("Add", "__add__", (Tensor,)),
    ("Add", "__radd__", (Tensor,)),
    ("Add", "__iadd__", (Tensor,)),
)
FLOORING = ("clamp", "clamp_min", "maximum")  # ReLUs, at 0
DRAWING = ("rand", "randn")  # numbers that want scaling
MULTIPLYING = (
    *(("linear", functional), ("matmul", torch), ("mm", torch), ("addmm", torch), ("einsum", torch)),
    *((name, Tensor) for name in ("matmul", "__matmul__", "__rmatmul__", "mm")),
)
PRODUCTS = (
    (Tensor, ("__matmul__", "matmul", "mm")),
    (torch, ("matmul", "mm", "addmm", "einsum")),
    (functional, ("linear", "conv1d", "conv2d")),
)
COPYING = (
    (Tensor, "clone"),
    (Tensor, "numpy"),
    (nn.Parameter, "__deepcopy__"),
    (nn.utils, "parameters_to_vector"),
)
MAKING = ("zeros", "ones", "full", "normal", "tensor", "from_numpy")
WRITING = ("fill_", "zero_", "normal_", "uniform_", "mul_", "div_", "copy_")
ARITHMETIC = ("__mul__", "__rmul__", "mul", "__truediv__", "div")
LARGEST = (("argmax", torch), ("argmax", Tensor), ("max", torch), ("max", Tensor), ("topk", torch), ("topk", Tensor))
NAMED = re.compile(r"soft_?max|sigmoid|logistic|expit|proba|predict|_?relu$", re.IGNORECASE)
_DISTRIBUTIONS = str(Path(torch.distributions.__file__).parent)
SKLEARN = "sklearn.utils._set_output"
STRONG = 0.8  # rate of a dropout
_MODULES = str(Path(nn.__file__).parent / "modules")


class Patches:
    """Attributes that are replaced for a while.

    Those that belong to a group give way to the original while nobody wants what they report. Methods of tensors alone
    do: a function that a script keeps, compares or pickles must be the same one all the time.
    """

    def __init__(self) -> None:
        self.undo: list[Callable[[], None]] = []
        self.groups: dict[str, list[tuple[Callable[[], None], Callable[[], None]]]] = {}  # take it off, put it on

    def put(self, owner: Any, name: str, make: Callable[[Any], Any], group: str = "") -> None:
        """Replace owner.name by what `make` makes of it."""
        own, original = name in vars(owner), vars(owner).get(name, None) or getattr(owner, name)
        replaced: Any = functools.wraps(original)(make(original))
        if isinstance(owner, ModuleType):  # where pickle finds it
            replaced.__module__, replaced.__qualname__ = owner.__name__, name
        else:
            replaced.__module__, replaced.__qualname__ = owner.__module__, f"{owner.__qualname__}.{name}"
        replaced.__prepare_scriptable__ = functools.partial(inspect.unwrap, original)  # what torch.jit.script reads
        if (operator := _builtins._find_builtin(original)) is not None:  # torch.jit.script knows it by its identity
            _builtins._register_builtin(replaced, operator)
            self.undo.append(functools.partial(_builtins._get_builtin_table().__delitem__, id(replaced)))
        off = functools.partial(setattr, owner, name, original) if own else functools.partial(delattr, owner, name)
        on = functools.partial(setattr, owner, name, replaced)
        if group:
            self.groups.setdefault(group, []).append((off, on))
        self.undo.append(off)
        on()

    def switch(self, group: str, wanted: bool) -> None:
        """Put a group on, or take it off."""
        for pair in self.groups[group]:
            pair[wanted]()

    def remove(self) -> None:
        """Put everything back."""
        for group in self.groups:
            self.switch(group, True)
        while self.undo:
            self.undo.pop()()


@contextmanager
def watching(watch: Watch) -> Generator[Watch]:
    """Report to the watch what torch is made to do meanwhile."""
    patches = Patches()
    install(watch, patches)
    try:
        yield watch
    finally:
        patches.remove()


def install(watch: Watch, patches: Patches) -> None:
    """Replace torch's seams."""
    _modules(watch, patches)
    _functions(watch, patches)
    _writes(watch, patches)
    _optimizers(watch, patches)
    _states(watch, patches)
    _loaders(watch, patches)
    _transformers(watch, patches)
    watch.switch = patches.switch


def _modules(watch: Watch, patches: Patches) -> None:
    def construct(original: Any) -> Any:
        def init(module: nn.Module, *args: Any, **kwargs: Any) -> None:
            if watch.looking:
                frame = _outside(sys._getframe(1), module)
                lines = tuple(lines_above(frame))
                watch.built[module] = next((one for one in lines if names(one, module)), next(iter(lines), None))
                watch.models.stacks[module] = lines
                watch.writes.listen(True)
            original(module, *args, **kwargs)

        return init

    def call(original: Any) -> Any:
        def called(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if watch.depth or not watch.looking or isinstance(module, nn.modules.loss._Loss):
                if watch.full and watch.depth and watch.looking:
                    watch.on_inner(module, args, sys._getframe(1))
                return original(module, *args, **kwargs)
            if watch.tape.open:
                watch.tape.before_call(module)
            watch.depth, watch.root = 1, module
            try:
                result = original(module, *args, **kwargs)
            finally:
                watch.depth, watch.root = 0, None
            if watch.full:
                tensors.keep(result)
            watch.tape.after_call(module, args, kwargs, result)
            watch.on_pass(module, (*args, *kwargs.values()), sys._getframe(1))
            watch.scoring.on_answered(result, sys._getframe(1))
            return result

        return called

    def assign(original: Any) -> Any:
        def assigned(module: nn.Module, name: str, value: Any) -> None:
            if name == "requires_grad" and watch.looking:
                watch.note(Misfrozen(step=watch.steps, where=place(sys._getframe(1)), name=type(module).__name__))
            original(module, name, value)

        return assigned

    def switch(original: Any) -> Any:
        def switched(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            result = original(module, *args, **kwargs)
            frame = sys._getframe(1)
            if watch.looking and not frame.f_code.co_filename.startswith(_MODULES):
                watch.models.on_switched(module, frame)
            return result

        return switched

    patches.put(nn.Module, "train", switch)
    patches.put(nn.Module, "eval", switch)
    patches.put(nn.Module, "__setattr__", assign)
    patches.put(nn.Module, "__init__", construct)
    patches.put(nn.Module, "__call__", call)


def _outside(frame: FrameType, module: nn.Module) -> FrameType:
    """The frame that builds a module, outside of its own constructors."""
    while frame.f_back and frame.f_code.co_name == "__init__" and frame.f_locals.get("self") is module:
        frame = frame.f_back
    return frame


def _functions(watch: Watch, patches: Patches) -> None:
    def multiply(original: Any) -> Any:
        def multiplied(*args: Any, **kwargs: Any) -> Any:
            if watch.depth == 0 and watch.looking:
                watch.on_product([x for x in args if isinstance(x, Tensor)], sys._getframe(1))
            return original(*args, **kwargs)

        return multiplied

    def loss(name: str) -> Callable[[Any], Any]:
        def around(original: Any) -> Any:
            signature = inspect.signature(original)

            def computed(*args: Any, **kwargs: Any) -> Any:
                result = original(*args, **kwargs)
                if watch.looking and isinstance(result, Tensor):
                    watch.judge()
                    learning, wanted = result.requires_grad, watch.wants_loss(name, result.requires_grad)
                    if learning and not wanted and watch.examples.complete and not watch.tape.open:
                        return result
                    given = signature.bind(*args, **kwargs).arguments
                    watch.tape.on_loss(name, given, result)
                    if learning and not watch.examples.complete:
                        watch.examples.on_loss(given["target"], sys._getframe(1))
                    if wanted:
                        frame = sys._getframe(1)
                        watch.on_loss(name, given, result, place(frame), _maker(watch, frame))
                return result

            return computed

        return around

    def diverge(original: Any) -> Any:
        signature = inspect.signature(original)

        def computed(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if watch.full and watch.looking and result.requires_grad:
                frame = sys._getframe(1)
                watch.losses.on_divergence(signature.bind(*args, **kwargs).arguments, result, place(frame))
            return result

        return computed

    def marked(name: str) -> Callable[[Any], Any]:
        def around(original: Any) -> Any:
            def computed(*args: Any, **kwargs: Any) -> Any:
                result = original(*args, **kwargs)
                if (
                    watch.marking
                    and isinstance(result, Tensor)
                    and result.grad_fn is not None
                    and not sys._getframe(1).f_code.co_filename.startswith(_DISTRIBUTIONS)  # which know what they do
                ):
                    tensors.mark(result, name, _maker(watch, sys._getframe(1)))
                    tensors.keep(result)
                return result

            return computed

        return around

    def kept(original: Any) -> Any:
        def computed(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if watch.marking:
                tensors.keep(result)
            return result

        return computed

    def largest(original: Any) -> Any:
        def computed(x: Any, *args: Any, **kwargs: Any) -> Any:
            if watch.looking and watch.depth == 0 and not sys._getframe(1).f_code.co_filename.startswith(FOREIGN):
                watch.judge()
                axis = kwargs.get("dim", kwargs.get("axis", args[0] if args else None))
                if isinstance(axis, int) and sampled(watch.count("axis")) and isinstance(x, Tensor):
                    where = place(sys._getframe(1))
                    watch.note(Axis(step=watch.steps, where=where, shape=tuple(x.shape), axis=axis))
                result = original(x, *args, **kwargs)
                found = result if isinstance(result, Tensor) else result[1] if len(result) > 1 else None
                if found is not None and not found.is_floating_point():
                    watch.scoring.on_predicted(found, sys._getframe(1))
                return result
            return original(x, *args, **kwargs)

        return computed

    def compare(original: Any) -> Any:
        def compared(a: Any, *args: Any, **kwargs: Any) -> Any:
            if watch.depth == 0 and watch.looking and args:
                watch.scoring.on_compared(a, args[0], sys._getframe(1))
            return original(a, *args, **kwargs)

        return compared

    def score(original: Any) -> Any:
        def scored(*args: Any, **kwargs: Any) -> Any:
            if watch.looking and len(args) > 1:
                watch.scoring.on_scored(args[0], args[1], sys._getframe(1))
            return original(*args, **kwargs)

        return scored

    def measure() -> None:
        """scikit-learn's metrics, once the script has imported them: all go through one function."""
        if metrics := sys.modules.get("sklearn.metrics._classification"):
            patches.put(metrics, "_check_targets", score)

    def seed(original: Any) -> Any:
        def seeded(value: Any) -> Any:
            if watch.looking:
                watch.scoring.on_seeded(value, sys._getframe(1))
            return original(value)

        return seeded

    def tell(original: Any) -> Any:
        def told(*args: Any, **kwargs: Any) -> None:
            if watch.looking and kwargs.get("file") is None:
                plain = [one for one in args if isinstance(one, str | int | float)]
                watch.scoring.on_printed(" ".join(map(str, plain)), sys._getframe(1))
            original(*args, **kwargs)

        return told

    def rectify(original: Any) -> Any:
        def rectified(x: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(x, *args, **kwargs)
            if watch.units.awake and watch.units.wanted(result):
                frame = sys._getframe(1)
                if frame.f_globals.get("__name__") != "torch.nn.functional":  # torch.relu out of F.relu
                    watch.units.on_relu(result, _maker(watch, frame), True)
            return result

        return rectified

    def floor(original: Any) -> Any:
        def floored(x: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(x, *args, **kwargs)
            if watch.units.awake and watch.units.wanted(result):
                low = args[0] if args else kwargs.get("min", kwargs.get("other"))
                high = args[1] if len(args) > 1 else kwargs.get("max")
                if high is None and low is not None and not (low.any() if isinstance(low, Tensor) else low):
                    watch.units.on_relu(result, _maker(watch, sys._getframe(1)), False)
            return result

        return floored

    def backward(original: Any) -> Any:
        def computed(*args: Any, **kwargs: Any) -> Any:
            loss = args[0] if args else kwargs.get("tensors")
            if watch.looking and isinstance(loss, Tensor):
                watch.on_backward(loss, sys._getframe(1))
                result = original(*args, **kwargs)
                watch.optimizers.after_backward()
                watch.weights.after_backward()
                return result
            return original(*args, **kwargs)

        return computed

    def differentiate(original: Any) -> Any:
        signature = inspect.signature(original)

        def computed(*args: Any, **kwargs: Any) -> Any:
            if not watch.looking:
                return original(*args, **kwargs)
            given = signature.bind(*args, **kwargs).arguments
            again = given.get("create_graph") or (watch.optimizers.optimizers and given.get("retain_graph"))
            if again or not watch.optimizers.teaches(given["inputs"]):  # for what else the script wants them
                return original(*args, **kwargs)
            loss = given["outputs"]
            if isinstance(loss, Tensor):
                watch.on_backward(loss, sys._getframe(1))
            result = original(*args, **kwargs)
            watch.optimizers.after_gradients(given["inputs"], result)
            return result

        return computed

    def clip(original: Any) -> Any:
        def clipped(parameters: Any, max_norm: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(parameters, max_norm, *args, **kwargs)
            if watch.looking and (watch.full or watch.steps < CLOSE):
                watch.optimizers.on_clipped(result, float(max_norm), place(sys._getframe(1)))
            return result

        return clipped

    def clip_each(original: Any) -> Any:
        def clipped(parameters: Any, clip_value: Any, *args: Any, **kwargs: Any) -> None:
            held = [parameters] if isinstance(parameters, Tensor) else list(parameters)
            if watch.looking and (watch.full or watch.steps < CLOSE):
                largest = [p.grad.detach().abs().max() for p in held if p.grad is not None]
                if largest:
                    watch.optimizers.on_clipped(max(largest), float(clip_value), place(sys._getframe(1)))
            original(held, clip_value, *args, **kwargs)

        return clipped

    def scale(original: Any) -> Any:
        def scaled(scaler: Any, *args: Any, **kwargs: Any) -> Any:
            watch.scaled = scaler.is_enabled()
            return original(scaler, *args, **kwargs)

        return scaled

    def unscale(original: Any) -> Any:
        def unscaled(*args: Any, **kwargs: Any) -> Any:
            watch.scaled = False
            return original(*args, **kwargs)

        return unscaled

    def hook(original: Any) -> Any:
        def hooked(*args: Any, **kwargs: Any) -> Any:
            watch.losses.hooked = True
            return original(*args, **kwargs)

        return hooked

    def drop(original: Any) -> Any:
        def dropped(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
            result = original(x, p, training, inplace)
            if p and watch.depth and not foreign(sys._getframe(1).f_code.co_filename):
                watch.called_with[training] = ("dropout()",)
                if training and p >= STRONG and torch.is_grad_enabled():
                    watch.on_dropout(p, sys._getframe(1))
            if training and p and (watch.marking or not torch.is_grad_enabled()):
                frame = sys._getframe(1)
                where = called_by(frame, watch.built)
                tensors.mark(result, "Dropout", where)
                asked = frame.f_code.co_filename.startswith(_MODULES)  # a layer in training mode by itself
                if watch.root is not None and not watch.root.training and not asked:
                    watch.switched_on = where
            return result

        return dropped

    def normalise(original: Any) -> Any:
        signature = inspect.signature(original)

        def normalised(*args: Any, **kwargs: Any) -> Any:
            if watch.depth and not foreign(sys._getframe(1).f_code.co_filename):
                watch.called_with[bool(signature.bind(*args, **kwargs).arguments.get("training"))] = ("batch_norm()",)
            return original(*args, **kwargs)

        return normalised

    for owner, products in PRODUCTS:
        for name in products:
            patches.put(owner, name, multiply)
    for name in LOSSES:
        patches.put(functional, name, loss(name))
    patches.put(functional, "kl_div", diverge)
    for name, function, owners in MARKED:
        for owner in owners:
            switched = owner is Tensor and function not in ("relu", *FLOORING)  # which are looked at in any step
            patches.put(owner, function, marked(name), "marking" if switched else "")
    for function, owner in MULTIPLYING:
        patches.put(owner, function, kept)
    for function, owner in LARGEST:
        patches.put(owner, function, largest)
    patches.put(functional, "dropout", drop)
    patches.put(functional, "batch_norm", normalise)
    for owner, function in ((Tensor, "__eq__"), (Tensor, "eq"), (torch, "eq")):
        patches.put(owner, function, compare)
    patches.put(builtins, "print", tell)
    patches.put(torch, "manual_seed", seed)
    watch.scoring.measure = measure
    patches.put(functional, "relu", rectify)
    patches.put(torch, "relu", rectify)
    patches.put(Tensor, "relu", rectify)
    for function in FLOORING:
        patches.put(torch, function, floor)
        patches.put(Tensor, function, floor)
    patches.put(torch.autograd, "backward", backward)
    patches.put(torch.autograd, "grad", differentiate)
    patches.put(nn.utils, "clip_grad_norm_", clip)
    patches.put(nn.utils, "clip_grad_value_", clip_each)
    patches.put(torch.amp.GradScaler, "scale", scale)
    patches.put(torch.amp.GradScaler, "unscale_", unscale)
    for name in ("register_hook", "retain_grad"):
        patches.put(Tensor, name, hook)


def _transformers(watch: Watch, patches: Patches) -> None:
    """scikit-learn's transformers, once somebody has imported them: what all of them give goes through one function."""

    def wrap(original: Any) -> Any:
        def wrapped(method: str, result: Any, given: Any, transformer: Any) -> Any:
            if watch.looking:
                watch.transformers.on_transformed(transformer, given, result, sys._getframe(1))
            return original(method, result, given, transformer)

        return wrapped

    def install() -> None:
        patches.put(sys.modules[SKLEARN], "_wrap_data_with_container", wrap)

    if SKLEARN in sys.modules:
        install()
        return
    after = After(SKLEARN, install)
    sys.meta_path.insert(0, after)
    patches.undo.append(lambda: sys.meta_path.remove(after) if after in sys.meta_path else None)


def _writes(watch: Watch, patches: Patches) -> None:
    def write(original: Any) -> Any:
        def written(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if watch.writes.open and isinstance(result, Tensor):
                watch.writes.on_written(result, sys._getframe(1))
            return result

        return written

    def draw(original: Any) -> Any:
        def drawn(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if watch.writes.open:
                watch.writes.on_drawn(result, sys._getframe(1))
            return result

        return drawn

    def learn(original: Any) -> Any:
        def learning(*args: Any, **kwargs: Any) -> Tensor:
            result = original(*args, **kwargs)
            if watch.writes.open:
                watch.writes.on_named(result, sys._getframe(1))
            return result

        return learning

    for name in DRAWING:
        patches.put(torch, name, draw)
    for name in MAKING:
        patches.put(torch, name, write)
    for name in (*WRITING, *ARITHMETIC):
        patches.put(Tensor, name, write, "" if name == "copy_" else "writing")
    patches.put(Tensor, "requires_grad_", learn)
    patches.put(nn.Parameter, "__new__", learn)


def _maker(watch: Watch, frame: FrameType) -> str | None:
    """The line that built the layer, for a layer of torch; else the line that is at work."""
    if frame.f_code.co_filename.startswith(_MODULES) and (module := frame.f_locals.get("self")) in watch.built:
        return watch.built[module]
    asking = _asking(frame)
    if asking is not None and place(asking) != place(frame):
        return place(asking)
    return called_by(frame, watch.built)


def _asking(frame: FrameType | None) -> FrameType | None:
    """The frame that calls a function of the user's which is named for what it does: softmax, predict_proba."""
    while frame is not None and (foreign(frame.f_code.co_filename) or NAMED.search(frame.f_code.co_name)):
        frame = frame.f_back
    return frame


def _optimizers(watch: Watch, patches: Patches) -> None:
    def construct(original: Any) -> Any:
        def init(optimizer: Optimizer, *args: Any, **kwargs: Any) -> None:
            original(optimizer, *args, **kwargs)
            if watch.looking:
                watch.optimizers.on_optimizer(optimizer, sys._getframe(1))

        return init

    def clear(original: Any) -> Any:
        def cleared(owner: Any, *args: Any, **kwargs: Any) -> None:
            original(owner, *args, **kwargs)
            if watch.looking:
                held = None if isinstance(owner, Optimizer) else set(owner.parameters())
                watch.optimizers.on_cleared(held, owner if held is None else None)

        return cleared

    def plan(original: Any) -> Any:
        def init(*args: Any, **kwargs: Any) -> None:
            original(*args, **kwargs)
            if watch.looking:
                watch.note(ScheduleMade(step=watch.steps, where=place(sys._getframe(1))))

        return init

    def schedule(original: Any) -> Any:
        def stepped(scheduler: Any, *args: Any, **kwargs: Any) -> None:
            if watch.looking and not foreign(sys._getframe(1).f_code.co_filename):
                kind = type(scheduler).__name__
                number = watch.count(("scheduler", watch.serial(scheduler)))
                if sampled(number):
                    seen = Scheduled(
                        step=watch.steps,
                        where=place(sys._getframe(1)),
                        kind=kind,
                        count=number + 1,
                        cycle=vars(scheduler).get("T_max"),
                        before_optimizer=watch.steps == 0,
                    )
                    watch.note(seen)
            original(scheduler, *args, **kwargs)

        return stepped

    patches.put(Optimizer, "__init__", construct)
    patches.put(Optimizer, "zero_grad", clear)
    patches.put(nn.Module, "zero_grad", clear)
    patches.put(lr_scheduler.LRScheduler, "__init__", plan)
    for kind in vars(lr_scheduler).values():
        if isinstance(kind, type) and issubclass(kind, lr_scheduler.LRScheduler) and "step" in vars(kind):
            patches.put(kind, "step", schedule)
    for hook in (
        register_optimizer_step_pre_hook(watch.optimizers.before_step),
        register_optimizer_step_post_hook(watch.optimizers.after_step),
    ):
        patches.undo.append(hook.remove)


def _states(watch: Watch, patches: Patches) -> None:
    def take(original: Any) -> Any:
        def taken(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            state = original(module, *args, **kwargs)
            if watch.looking and not args and "destination" not in kwargs:
                watch.states.on_taken(module, state, sys._getframe(1))
            return state

        return taken

    def load(original: Any) -> Any:
        def loaded(module: nn.Module, state: Any, *args: Any, **kwargs: Any) -> Any:
            where = place(sys._getframe(1))
            before = dict(state)
            result = original(module, state, *args, **kwargs)
            if watch.looking:
                watch.states.on_loaded(module, before, result.missing_keys, result.unexpected_keys, where)
            return result

        return loaded

    def copy(original: Any) -> Any:
        def copied(x: Any, *args: Any, **kwargs: Any) -> Any:
            if watch.states.pointers and watch.depth == 0 and watch.looking:
                x = x if isinstance(x, Tensor) else list(x)  # parameters, which may be read only once
                for tensor in [x] if isinstance(x, Tensor) else x:
                    watch.states.on_copied(tensor, sys._getframe(1))
            return original(x, *args, **kwargs)

        return copied

    def put_back(original: Any) -> Any:
        def written(x: Any, *args: Any, **kwargs: Any) -> Any:
            frame = sys._getframe(1)
            if watch.states.pointers and args and watch.depth == 0 and not foreign(frame.f_code.co_filename):
                watch.states.on_put_back(x, args[0], frame)
            return original(x, *args, **kwargs)

        return written

    for owner, name in COPYING:
        patches.put(owner, name, copy)
    patches.put(Tensor, "copy_", put_back)
    patches.put(nn.Module, "state_dict", take)
    patches.put(nn.Module, "load_state_dict", load)


def _loaders(watch: Watch, patches: Patches) -> None:
    def iterate(original: Any) -> Any:
        def iterated(loader: Any) -> Any:
            if watch.looking and loader.num_workers:
                watch.workers.before()
            iterator = original(loader)
            if watch.looking:
                watch.loaders.on_loader(loader, iterator, place(sys._getframe(1)), sys._getframe(1))
            return iterator

        return iterated

    def following(original: Any) -> Any:
        def followed(iterator: Any) -> Any:
            watch.inputs.batch = None
            if watch.looking:
                watch.loaders.before_batch(iterator)
            batch = original(iterator)
            if watch.looking:
                watch.loaders.on_batch(iterator, batch)
            return batch

        return followed

    def work(original: Any) -> Any:
        signature = inspect.signature(original)

        def worked(*args: Any, **kwargs: Any) -> None:
            bound = signature.bind(*args, **kwargs)
            watch.workers.inside(bound.arguments)
            original(*bound.args, **bound.kwargs)

        return worked

    patches.put(worker, "_worker_loop", work)
    patches.put(DataLoader, "__iter__", iterate)
    patches.put(loading._BaseDataLoaderIter, "__next__", following)
