"""A net as an ONNX graph, pixels in, probabilities out; the one module that imports onnxruntime."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fairtrial.engine.torch_net import TorchNet
from fairtrial.export.trained import Trained
from fairtrial.spec.arrays import NumpyArray
from fairtrial.spec.errors import UsageError
from fairtrial.store import Record

BATCH = 256  # images put through the graph at once


class Whole(nn.Module):
    """The net with what comes before and after it: images (n, height, width, channels) uint8 to probabilities."""

    scale: Tensor
    shift: Tensor
    components: Tensor
    centre: Tensor

    def __init__(self, net: Trained, module: nn.Module) -> None:
        super().__init__()
        self.net, self.module = net, module
        kind = torch.float64 if net.double else torch.float32
        fitted = {"scale": net.scale, "shift": np.zeros_like(net.scale) if net.shift is None else net.shift}
        for name, values in (fitted | net.projection).items():
            self.register_buffer(name, torch.tensor(values, dtype=kind))

    def forward(self, images: Tensor) -> Tensor:
        x = images.to(self.scale.dtype) * self.scale + self.shift
        x = (x.flatten(1) - self.centre) @ self.components if self.net.projection else x.permute(0, 3, 1, 2)
        y = self.module(x)
        if self.net.flip:
            y = (y + self.module(x.flip(3))) / 2
        return self.probabilities(y.double()).float()

    def probabilities(self, y: Tensor) -> Tensor:
        """What outputs say about the classes, as `predict.as_probabilities` reads them."""
        count = len(self.net.classes)
        match self.net.meaning:
            case "logits":
                return torch.softmax(y, 1)
            case "yes-no":
                return torch.sigmoid(y)
            case "shares":
                shares = y.clip(1e-12)
                return shares / shares.sum(1, keepdim=True)
            case "number":
                return (y.round().clip(0, count - 1) == torch.arange(count)).double()


def files(net: Trained, stem: str) -> dict[str, bytes]:
    """The graph, with its weights inside."""
    check_able()
    module = TorchNet.build(net.arch, net.input, net.weights, "float64" if net.double else "float32", "cpu").plain()
    whole, images = Whole(net, module).eval(), torch.zeros((2, *net.pixels), dtype=torch.uint8)
    with quiet():
        program: Any = torch.onnx.export(
            whole, (images,), dynamo=True, verbose=False, input_names=["images"], output_names=["probabilities"],
            dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
        )  # fmt: skip
        file = io.BytesIO()
        program.save(file)
    return {f"{stem}.onnx": file.getvalue()}


def predicted(path: Path, record: Record, images: NumpyArray) -> NumpyArray:
    """The probabilities that ONNX Runtime makes of the graph."""
    from onnxruntime import InferenceSession

    session: Any = InferenceSession(str(path), providers=["CPUExecutionProvider"])
    parts = np.array_split(images, -(-len(images) // BATCH))
    return np.concatenate([session.run(None, {"images": part})[0] for part in parts])


def check_able() -> None:
    """UsageError where the extra is not installed."""
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise UsageError(f"--to onnx needs {', '.join(missing)}: pip install 'fairtrial[export]'")


@contextlib.contextmanager
def quiet() -> Generator[None]:
    """What torch's exporter remarks about itself stays off the terminal."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
