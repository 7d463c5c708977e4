"""The torch engine: the architecture as a plain `torch.nn.Module`, its gradients from autograd, its rules fused.

The one module that imports torch for training.
"""

from __future__ import annotations

import contextlib
import copy
import os
import shutil
from collections.abc import Callable, Generator, Mapping, MutableMapping
from math import gcd, inf
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim.adagrad import adagrad
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from fairtrial.engine.by_hand import Chain, chain_of
from fairtrial.engine.net import At, check_fit
from fairtrial.engine.own import called
from fairtrial.parts.optimizers import Batch, Rule
from fairtrial.rng import rng
from fairtrial.spec import arch as a
from fairtrial.spec.arrays import NumpyArray, Tensors
from fairtrial.spec.errors import FairtrialError, UsageError
from fairtrial.spec.recipe import Recipe

DEFERRED = ("cuda",)  # devices that are told the next steps before they have made the last
STAGED = 1 << 24  # bytes that are pinned at most: a step's plans and masks, not all images of a data set


class KeyedDropout(nn.Dropout):
    """Dropout whose mask follows from (seed, step, place) where the engine has set `at`, and torch's own elsewhere."""

    at: At | None = None
    place = 0

    def forward(self, input: Tensor) -> Tensor:
        if self.at is None or not self.training:
            return super().forward(input)
        return self.thinned(input, self.at)

    def thinned(self, input: Tensor, at: At) -> Tensor:
        """What is left of the input in the training step `at`, scaled up to make good for what is not."""
        return input * self.mask(input, at) / (1 - self.p)

    def mask(self, input: Tensor, at: At) -> Tensor:
        """Which of the input's numbers are left in the training step `at`."""
        random = rng(at.seed, "dropout", at.step, self.place)
        mask = torch.from_numpy(random.random(tuple(input.shape), dtype=np.float32) >= self.p)
        return sent(mask, input.device)


class Residual(nn.Module):
    """body(x) + shortcut(x)"""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, input: Tensor) -> Tensor:
        return self.body(input) + self.shortcut(input)


class QuickBatchNorm2d(nn.BatchNorm2d):
    """Batch norm that is quick on a CPU: in evaluation, and in training where few channels do not fill its vectors.

    With channels last in memory an image is rows of c numbers. Several rows are taken as one, so that sums and products
    run over whole vectors; the equations are those of `numpy_layers.BatchNorm`. Rounding is a hundredth of torch's.
    """

    def forward(self, input: Tensor) -> Tensor:
        n, c, h, w = input.shape
        rows = gcd(n * h * w, 16)
        slow = self.training and (c % 8 == 0 or c > 15 or rows < 8)
        if slow or not _lies_last(input) or input.dtype != self.weight.dtype:  # as under autocast
            return super().forward(input)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        wide = input.permute(0, 2, 3, 1).reshape(-1, rows * c)
        if self.training:
            y, mean, var = _Normalise.apply(wide, self.weight, self.bias, self.eps)
            with torch.no_grad():
                m = n * h * w
                self.num_batches_tracked += 1
                self.running_mean += self.momentum * (mean - self.running_mean)
                self.running_var += self.momentum * (var * (m / (m - 1)) - self.running_var)
        else:
            scale = self.weight * (self.running_var + self.eps).rsqrt()
            y = torch.addcmul((self.bias - self.running_mean * scale).repeat(rows), wide, scale.repeat(rows))
        return y.view(n, h, w, c).permute(0, 3, 1, 2)


def _lies_last(x: Tensor) -> bool:
    """Whether these images lie on the CPU with their channels last in memory."""
    return x.device.type == "cpu" and x.is_contiguous(memory_format=torch.channels_last)


class _Normalise(torch.autograd.Function):
    """Batch norm of x (m / k, k c): k pixels of c channels in each row; with the output go mean and variance (c)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        c, k = len(weight), x.shape[1] // len(weight)
        mean = x.sum(0).view(k, c).sum(0) / (x.numel() // c)
        z = x - mean.repeat(k)
        var = (z * z).sum(0).view(k, c).sum(0) / (x.numel() // c)
        scale = (var + eps).rsqrt()
        z *= scale.repeat(k)
        ctx.save_for_backward(z, weight, scale)
        ctx.mark_non_differentiable(mean, var)
        return torch.addcmul(bias.repeat(k), z, weight.repeat(k)), mean, var

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        dy, (z, weight, scale) = grads[0], ctx.saved_tensors
        c, k = len(weight), dy.shape[1] // len(weight)
        m = dy.numel() // c
        db = dy.sum(0).view(k, c).sum(0)
        dw = (dy * z).sum(0).view(k, c).sum(0)
        dx = torch.addcmul(dy - (db / m).repeat(k), z, (-dw / m).repeat(k))
        dx *= (weight * scale).repeat(k)
        return dx, dw, db, None


class QuickMaxPool2d(nn.MaxPool2d):
    """Pooling that is several times as quick on a CPU where nobody asks for gradients: the larger of each two columns,
    then of each two rows. With gradients torch's own is needed, which remembers the places.
    """

    def forward(self, input: Tensor) -> Tensor:
        n, c, h, w = input.shape
        if (
            torch.is_grad_enabled()
            or (self.kernel_size, self.stride) != (2, 2)
            or h % 2
            or w % 2
            or not _lies_last(input)
        ):
            return nn.functional.max_pool2d(input, self.kernel_size, self.stride)
        columns = input.permute(0, 2, 3, 1).reshape(n * h, w // 2, 2, c)
        rows = torch.maximum(columns[:, :, 0], columns[:, :, 1]).view(n * h // 2, 2, w // 2 * c)
        return torch.maximum(rows[:, 0], rows[:, 1]).view(n, h // 2, w // 2, c).permute(0, 3, 1, 2)


def make_module(arch: a.Arch, shape: a.Shape) -> nn.Sequential:
    """The architecture as a plain module for images (n, channels, height, width); its layers carry the arch's names."""
    module = nn.Sequential()
    for name, layer, before in a.walk(arch, shape):
        module.add_module(name, _LAYERS[type(layer)](layer, before))
    return module


def _conv(layer: a.Conv, shape: a.Shape) -> nn.Module:
    before, after = layer.margins
    mode = "zeros" if layer.mode == "zeros" else "reflect"
    conv = nn.Conv2d(
        shape[0], layer.units, layer.kernel, layer.stride, before, bias=layer.bias, padding_mode=mode
    )  # fmt: skip
    if before == after:
        return conv
    return _UnevenConv2d(layer, shape)


class _UnevenConv2d(nn.Conv2d):
    """A convolution with an even kernel and padding `same`: one more row behind than before."""

    def __init__(self, layer: a.Conv, shape: a.Shape) -> None:
        super().__init__(shape[0], layer.units, layer.kernel, layer.stride, bias=layer.bias)
        before, after = layer.margins
        self.margins = (before, after, before, after)
        self.mode = "reflect" if layer.mode == "reflect" else "constant"

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(nn.functional.pad(input, self.margins, self.mode))


class _GlobalAvgPool(nn.Module):
    """The mean of each channel, flat."""

    def forward(self, input: Tensor) -> Tensor:
        return input.mean((2, 3))


def _batch_norm(layer: a.BatchNorm, shape: a.Shape) -> nn.Module:
    kind = QuickBatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
    return kind(shape[0], layer.eps, layer.momentum)


_LAYERS: dict[type[a.Layer], Callable[[Any, a.Shape], nn.Module]] = {
    a.Conv: _conv,
    a.MaxPool: lambda layer, shape: QuickMaxPool2d(layer.kernel, layer.step),
    a.AvgPool: lambda layer, shape: nn.AvgPool2d(layer.kernel, layer.step),
    a.GlobalAvgPool: lambda layer, shape: _GlobalAvgPool(),
    a.Flatten: lambda layer, shape: nn.Flatten(),
    a.Linear: lambda layer, shape: nn.Linear(shape[0], layer.width, layer.bias),
    a.BatchNorm: _batch_norm,
    a.Dropout: lambda layer, shape: KeyedDropout(layer.rate),
    a.ReLU: lambda layer, shape: nn.ReLU(),
    a.LeakyReLU: lambda layer, shape: nn.LeakyReLU(layer.slope),
    a.SiLU: lambda layer, shape: nn.SiLU(),
    a.GELU: lambda layer, shape: nn.GELU(),
    a.Sigmoid: lambda layer, shape: nn.Sigmoid(),
    a.Tanh: lambda layer, shape: nn.Tanh(),
    a.Softmax: lambda layer, shape: nn.Softmax(1),
    a.LogSoftmax: lambda layer, shape: nn.LogSoftmax(1),
    a.Residual: lambda layer, shape: Residual(make_module(layer.body, shape), make_module(layer.shortcut, shape)),
}


PLAIN: dict[type[nn.Module], type[nn.Module]] = {
    KeyedDropout: nn.Dropout, QuickBatchNorm2d: nn.BatchNorm2d, QuickMaxPool2d: nn.MaxPool2d,
}  # fmt: skip


def pick_device(wanted: str) -> str:
    """The device that a recipe asks for; a UsageError where this machine has none, never a silent CPU."""
    found = ["cpu"]
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    if wanted == "auto":
        return found[-1]
    if wanted not in found:
        raise UsageError(f"device={wanted}: this machine has only {', '.join(found)} (torch {torch.__version__})")
    return wanted


def check_able(recipe: Recipe) -> None:
    """UsageError where this machine, or torch here, cannot do what the recipe asks for."""
    device = pick_device(recipe.device)
    if recipe.precision == "tf32" and (device != "cuda" or torch.cuda.get_device_capability() < (8, 0)):
        raise UsageError(f"precision=tf32: NVIDIA GPUs since Ampere compute so, this {device} does not; use float32")
    compiler = os.environ.get("CXX", "g++")
    if recipe.compile and shutil.which(compiler) is None:
        raise UsageError(f"compile=true: torch.compile needs a C++ compiler, and there is no {compiler} on the PATH")


def sent(values: Tensor, device: torch.device) -> Tensor:
    """The values on the device; what a step needs goes to a GPU by way of pinned memory, and nobody waits for it."""
    if device.type != "cuda" or values.nbytes > STAGED:
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


@contextlib.contextmanager
def settings(threads: int, precision: str) -> Generator[None]:
    """So many threads, and products of float32 as TF32 or as they are: results depend on both, so they belong to a run.

    Without it torch takes TF32 for convolutions on a GPU, but not for matrices.
    """
    products: Any = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)  # pyright: ignore[reportAttributeAccessIssue]
    before = torch.get_num_threads(), [kind.fp32_precision for kind in products]
    torch.set_num_threads(threads)
    for kind in products:
        kind.fp32_precision = "tf32" if precision == "tf32" else "ieee"
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        for kind, was in zip(products, before[1], strict=True):
            kind.fp32_precision = was


class TorchNet:
    """A module behind the `Net` protocol."""

    xp = torch
    layout: torch.memory_format = torch.channels_last  # of the weights: convolutions are quicker so
    chain: Chain | None = None  # who makes the gradients; None: autograd

    def __init__(self, module: nn.Module, precision: str, device: str, compiled: bool = False) -> None:
        self.precision, self.device = precision, torch.device(device)
        self.deferred = self.device.type in DEFERRED
        self.dtype = torch.float64 if precision == "float64" else torch.float32
        self.module = module.to(self.device, self.dtype, memory_format=self.layout)  # pyright: ignore[reportCallIssue]
        self.learnt = {name: p for name, p in self.module.named_parameters() if p.requires_grad}
        self.params = {name: p.detach() for name, p in self.learnt.items()}  # the same memory, outside autograd
        mixed = precision == "bf16"
        self.precise = torch.autocast(self.device.type, torch.bfloat16) if mixed else contextlib.nullcontext()
        self._dropouts = [m for m in self.module.modules() if isinstance(m, KeyedDropout)]
        for place, dropout in enumerate(self._dropouts):
            dropout.place = place
        if compiled:
            torch.compiler.reset()  # forgets the programs of other nets: with too many torch would make no more
        # A program for each shape: none that serves several, whose rounding would tell which came first.
        self._call = torch.compile(self.module, dynamic=False) if compiled else self.module

    @classmethod
    def build(
        cls, arch: a.Arch, shape: a.Shape, start: Tensors, precision: str, device: str, compiled: bool = False
    ) -> TorchNet:
        """The net of an architecture for images of `shape`, started from `start`."""
        with torch.device("meta"):  # no draw from torch's generator for numbers that are replaced at once
            module = make_module(arch, shape)
        zeros = {name: torch.zeros(size.shape, dtype=size.dtype) for name, size in module.state_dict().items()}
        module.load_state_dict(zeros, assign=True)  # `to_empty` would import SymPy: 0.4 s of each start
        net = cls(module, precision, device, compiled)
        net.load(start)
        if net.device.type == "cpu" and not compiled and precision != "bf16":
            net.chain = chain_of(arch, shape, module)
        return net

    @property
    def place(self) -> str:
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type

    @property
    def grads(self) -> dict[str, Tensor]:
        return {name: p.grad for name, p in self.learnt.items() if p.grad is not None}

    @property
    def buffers(self) -> dict[str, Tensor]:
        return {name: b for name, b in self.module.named_buffers() if b.is_floating_point()}

    def array(self, values: NumpyArray) -> Tensor:
        ours = np.require(values, requirements=["C", "W"])  # torch takes no steps backwards, and warns of read-only
        tensor = sent(torch.from_numpy(ours), self.device)
        return tensor.to(self.dtype) if tensor.is_floating_point() else tensor

    def take(self, values: Tensor, rows: Tensor) -> Tensor:
        return values.index_select(0, rows)

    def numpy(self, values: Tensor) -> NumpyArray:
        return values.detach().cpu().numpy()

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        with torch.no_grad(), self.precise:
            return a @ b

    def number(self, value: Tensor) -> Any:
        return value.double() if self.deferred else value.item()

    def wait(self) -> None:
        if self.device.type != "cpu":
            torch.accelerator.synchronize()

    def forward(
        self, x: Tensor, at: At | None = None, keep: MutableMapping[str, Tensor] | None = None
    ) -> Tensor:  # fmt: skip
        x = self._ordered(x) if x.ndim == 4 else x
        if self.module.training != (at is not None):
            self.module.train(at is not None)
        for dropout in self._dropouts:
            dropout.at = at
        if self.chain and at is not None:
            return self.chain.forward(x, keep)
        with torch.set_grad_enabled(at is not None), self.precise:
            y = self._run(x, at, keep)
        if at is not None:
            self._outputs = y
        return y.detach().to(self.dtype)

    def _ordered(self, x: Tensor) -> Tensor:
        """Channels first in torch's order, last in memory as they were."""
        return x.permute(0, 3, 1, 2)

    def _run(self, x: Tensor, at: At | None, keep: MutableMapping[str, Tensor] | None) -> Tensor:
        if keep is None:
            return self._call(x)
        for name, layer in self.module.named_children():
            x = keep[name] = layer(x)
        return x

    def backward(self, dlogits: Tensor) -> None:
        if self.chain:
            self.chain.backward(dlogits)
            return
        for p in self.learnt.values():
            p.grad = None
        self._outputs.backward(dlogits.to(self._outputs.dtype))
        del self._outputs

    def norm(self) -> Any:
        each = [torch.linalg.vector_norm(g) for g in self.grads.values()]  # as get_total_norm, in half of its time
        return self.number(torch.linalg.vector_norm(torch.stack(each)))

    def optimizer(self, rule: Rule) -> TorchOptimizer:
        return TorchOptimizer(rule, self)

    def tensors(self) -> Tensors:
        both = {**self.params, **self.buffers}
        return {name: self.numpy(t).copy() for name, t in both.items()}

    def load(self, tensors: Mapping[str, NumpyArray]) -> None:
        targets = {**self.params, **self.buffers}
        check_fit(tensors, {name: tuple(target.shape) for name, target in targets.items()})
        for name, target in targets.items():
            target.copy_(torch.from_numpy(tensors[name]))

    def plain(self) -> nn.Module:
        """A copy of the module on the CPU, in eval mode, of torch's own layers where they were only quicker."""
        for dropout in self._dropouts:
            dropout.at = None
        module = copy.deepcopy(self.module).cpu().eval()
        for layer in module.modules():
            layer.__class__ = PLAIN.get(type(layer), type(layer))
        return module


class ModuleNet(TorchNet):
    """A user's own module: whatever it draws from torch's generator is seeded from (seed, step), and given back."""

    layout = torch.preserve_format

    @property
    def buffers(self) -> dict[str, Tensor]:
        """Everything that is not learnt: all buffers, and parameters that are frozen."""
        every = {**self.module.state_dict(), **dict(self.module.named_buffers())}
        return {name: tensor for name, tensor in every.items() if name not in self.learnt}

    @classmethod
    def make(
        cls, factory: Callable[[], Any], seed: int, precision: str, device: str, compiled: bool = False
    ) -> ModuleNet:
        """The module that `factory` makes, its start drawn from the seed."""
        if isinstance(factory, nn.Module):
            kind = type(factory).__name__
            raise UsageError(f"module={kind}(...): give the class (or a function that makes the net), not an instance")
        name = called(factory)
        with torch.random.fork_rng(), faults_named(f"module {name} cannot be made"):
            torch.manual_seed(_torch_seed(seed, 0))
            module = factory()
        if not isinstance(module, nn.Module):
            raise UsageError(f"module {name} makes a {type(module).__name__}, not a torch.nn.Module")
        if any(is_lazy(tensor) for tensor in (*module.parameters(), *module.buffers())):
            raise UsageError(f"module {name}: lazy layers have no weights yet; give them their number of inputs")
        return cls(module, precision, device, compiled)

    def rehearse(self, name: str, shape: a.Shape, outputs: int) -> None:
        """UsageError unless the module makes (2, outputs) of two inputs of this shape."""
        if not self.learnt:
            raise UsageError(f"module {name}: no parameter of it learns")
        x, fault = torch.zeros((2, *shape), dtype=self.dtype), f"module {name} on inputs {(2, *shape)}"
        self.module.eval()
        with torch.random.fork_rng(), faults_named(fault), torch.no_grad(), self.precise:
            y: Any = self.module(x.to(self.device))
        if not isinstance(y, Tensor):
            raise UsageError(f"module {name} gives a {type(y).__name__} for its outputs, not a tensor")
        if y.shape != (2, outputs):
            need = f"the targets need (2, {outputs})"
            raise UsageError(f"module {name} gives outputs {tuple(y.shape)} for inputs {tuple(x.shape)}; {need}")

    def _ordered(self, x: Tensor) -> Tensor:
        """Channels first, in memory too: a module of anybody's may count on it."""
        return x.permute(0, 3, 1, 2).clone(memory_format=torch.contiguous_format)

    def _run(self, x: Tensor, at: At | None, keep: MutableMapping[str, Tensor] | None) -> Tensor:
        if at is None:
            return super()._run(x, at, None)
        with torch.random.fork_rng():
            torch.manual_seed(_torch_seed(at.seed, at.step + 1))
            return super()._run(x, at, None)


@contextlib.contextmanager
def faults_named(what: str) -> Generator[None]:
    """Whatever a user's own code raises as a UsageError of one line."""
    try:
        yield
    except FairtrialError:
        raise
    except Exception as error:
        cause = (str(error).strip().splitlines() or [""])[0]
        raise UsageError(f"{what}: {type(error).__name__}: {cause}") from error


def _torch_seed(seed: int, step: int) -> int:
    return int(rng(seed, "module", step).integers(2**63))


FUNCTIONS = SimpleNamespace(sgd=sgd, adagrad=adagrad, rmsprop=rmsprop, adam=adam)


class TorchOptimizer:
    """A rule's twin at work, with its memory under the rule's names.

    The twins are torch's own functions under its optimizer classes, which cost a small net a tenth of its step.
    """

    def __init__(self, rule: Rule, net: TorchNet) -> None:
        self.rule, self.net, self.most = rule, net, torch.finfo(net.dtype).max
        self.slots = {slot: {name: torch.zeros_like(p) for name, p in net.params.items()} for slot in rule.slots}
        self.slots["step"] = {name: torch.zeros((), device=net.device) for name in net.params}
        self.memory = {f"{slot}/{name}": m for slot, named in self.slots.items() for name, m in named.items()}

    @torch.no_grad()
    def step(self, lr: float, t: int) -> None:
        grads = self.net.grads  # without the parameters that this step left out, which a user's module may do
        columns = [[memory[name] for name in grads] for memory in (self.net.params, *self.slots.values())]
        params, *slots, steps = columns
        lr = lr if lr <= self.most else inf  # some of torch's functions refuse another number that theirs cannot hold
        self.rule.fused(FUNCTIONS, Batch(params, list(grads.values()), slots, steps), lr)

    def tensors(self) -> Tensors:
        return {name: self.net.numpy(values).copy() for name, values in self.memory.items()}

    def load(self, tensors: Mapping[str, NumpyArray]) -> None:
        for name, values in self.memory.items():
            values.copy_(torch.from_numpy(tensors[name]))
