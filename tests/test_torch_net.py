"""What the torch engine does in its own way is what torch does, more exactly or faster."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from conftest import fairtrial, tiny
from fairtrial.engine.torch_net import QuickBatchNorm2d, QuickMaxPool2d, settings
from fairtrial.runner import make_plan, run
from fairtrial.spec.arrays import Tensors
from fairtrial.spec.errors import UsageError
from fairtrial.store import FolderStore, MemoryStore

SHAPES = [(8, 6, 4, 4), (16, 3, 32, 32), (2, 10, 28, 28), (5, 6, 3, 3), (8, 16, 4, 4), (4, 1, 8, 8)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_quick_batch_norm_is_torchs(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    channels = shape[1]
    mine, torchs = QuickBatchNorm2d(channels).double(), nn.BatchNorm2d(channels).double()
    for norm in (mine, torchs):
        norm.load_state_dict(
            {
                "weight": torch.arange(1.0, channels + 1),
                "bias": torch.arange(-1.0, channels - 1),
                "running_mean": torch.ones(channels),
                "running_var": torch.full((channels,), 2.0),
                "num_batches_tracked": torch.tensor(3),
            }
        )
    x = (3 * torch.randn(shape, dtype=torch.float64) + 2).contiguous(memory_format=torch.channels_last)
    dy = torch.randn_like(x)
    for one, other in zip(both(mine, x, dy), both(torchs, x, dy), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
    assert mine.state_dict().keys() == torchs.state_dict().keys()
    for name, value in mine.state_dict().items():
        torch.testing.assert_close(value, torchs.state_dict()[name], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(mine.eval()(x), torchs.eval()(x), rtol=1e-12, atol=1e-12)


def both(norm: nn.Module, x: Tensor, dy: Tensor) -> list[Tensor]:
    """The output in training mode, and the gradients of all that it depends on."""
    x = x.detach().requires_grad_()
    y = norm(x)
    return [y, *torch.autograd.grad(y, [x, *norm.parameters()], dy)]


def test_the_gradients_of_batch_norm_are_those_of_its_output() -> None:
    norm = QuickBatchNorm2d(2).double()
    x = torch.randn(4, 2, 2, 2, dtype=torch.float64).contiguous(memory_format=torch.channels_last).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, weight, bias: norm_of(norm, x, weight, bias), (x, *norm.parameters()))


def norm_of(norm: nn.Module, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.func.functional_call(norm, {"weight": weight, "bias": bias}, x)


@pytest.mark.parametrize("shape", [*SHAPES, (4, 6, 5, 4), (4, 6, 4, 7)], ids=str)
@pytest.mark.parametrize("kernel", [2, 3])
def test_a_quick_pooling_is_torchs(shape: tuple[int, ...], kernel: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(shape).round().contiguous(memory_format=torch.channels_last)
    x[0, 0, 0, 0] = float("nan")
    with torch.no_grad():
        mine, torchs = (kind(kernel, kernel)(x) for kind in (QuickMaxPool2d, nn.MaxPool2d))
    assert torch.equal(mine.nan_to_num(-1e9), torchs.nan_to_num(-1e9))


def test_the_rounding_of_batch_norm_is_no_worse_than_torchs() -> None:
    torch.manual_seed(0)
    x = (3 * torch.randn(64, 6, 32, 32) + 2).contiguous(memory_format=torch.channels_last)
    exact = nn.BatchNorm2d(6).double()(x.double())
    mine, torchs = ((norm(x) - exact).abs().max() for norm in (QuickBatchNorm2d(6), nn.BatchNorm2d(6)))
    assert mine <= torchs


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_memory_that_a_step_frees_is_taken_again_by_the_next() -> None:
    mapped = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}  # else glibc learns at times to keep some by itself
    faults = [int(subprocess.check_output([sys.executable, "-c", STEPS, word], env=mapped)) for word in ("", "keep")]
    array = 6_000_000 * 4 / resource.getpagesize()  # pages of one; ten steps make thirty
    assert faults[1] < 5 * array < faults[0]


STEPS = """
import sys, torch
from resource import RUSAGE_SELF, getrusage
from fairtrial.engine.memory import keep_freed_memory
if sys.argv[1]:
    keep_freed_memory()
def step():
    x = torch.rand(6_000_000)
    return (x * 2 + 1).sum()
for _ in range(3):
    step()
before = getrusage(RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(getrusage(RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.parametrize(("precision", "products"), [("tf32", "tf32"), ("float32", "ieee"), ("bf16", "ieee")])
def test_products_are_of_the_precision_for_as_long_as_a_run_lasts(precision: str, products: str) -> None:
    before = set_products()
    with settings(2, precision):
        assert set_products() == [products] * 2
        assert torch.get_num_threads() == 2
    assert set_products() == before


def set_products() -> list[Any]:
    return [torch.backends.cuda.matmul.fp32_precision, torch.backends.cudnn.conv.fp32_precision]  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_a_compiled_net_trains_as_the_plain_one(tmp_path: Path) -> None:
    model = "flatten, linear 8, act, linear classes"
    words = [model, "device=cpu", "images=512", "valid=0", "batch=256", "epochs=2"]
    words += ["score_train=false", "score_test=false"]
    weights: list[Tensors] = []
    for name in ("plain", "compiled"):  # in processes of their own: the compiler learns torch's functions once
        extra = ["compile=true"] if name == "compiled" else []
        done = fairtrial("run", *words, *extra, "--store", name, "--quiet", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        store = FolderStore(tmp_path / name)
        record = store.read(store.list()[0])
        assert record.recipe.compile == bool(extra)
        weights.append(record.weights())
    plain, compiled = weights
    assert compiled.keys() == plain.keys()
    for name, values in compiled.items():
        np.testing.assert_allclose(values, plain[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"precision": "tf32", "device": "cpu"}, "NVIDIA"),
        ({"precision": "tf32", "engine": "numpy"}, "engine=numpy"),
        ({"compile": True, "engine": "numpy"}, "engine=numpy"),
        ({"compile": True, "model": "flatten, dropout, linear classes"}, "dropout"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make_plan(tiny(**{"engine": "torch", **fields}))


def test_compiling_needs_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UsageError, match="no no-such-compiler on the PATH"):
        make_plan(tiny(engine="torch", compile=True))


def test_the_module_that_is_handed_out_needs_nothing_of_ours() -> None:
    recipe = tiny(engine="torch", epochs=1, model="conv 6, norm, act, pool, flatten, dropout, linear classes")
    module = run(recipe, MemoryStore()).model()
    assert {type(layer).__module__.partition(".")[0] for layer in module.modules()} == {"torch"}
