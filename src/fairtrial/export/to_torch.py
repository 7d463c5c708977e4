"""A net as a plain PyTorch script with its weights beside it."""

from __future__ import annotations

from fairtrial.export.flat import flat
from fairtrial.export.script import MAIN, constants, header, joined, npz, numbers, reader, shown
from fairtrial.export.torch_layers import plain_words, sequential
from fairtrial.export.trained import INPUT, Meaning, Trained
from fairtrial.spec import arch as a

PROBABILITIES: dict[Meaning, str] = {
    "logits": "    return torch.softmax(outputs, 1).numpy()",
    "yes-no": "    return torch.sigmoid(outputs).numpy()",
    "shares": "    shares = outputs.clip(1e-12)\n    return (shares / shares.sum(1, keepdim=True)).numpy()",
    "number": "    nearest = outputs[:, 0].round().clip(0, len(CLASSES) - 1).long()\n"
    "    return torch.eye(len(CLASSES))[nearest].numpy()",
}


def files(net: Trained, stem: str) -> dict[str, bytes]:
    """The script and its weights."""
    weights = net.weights | {INPUT + name: values for name, values in net.projection.items()}
    return {f"{stem}.py": script(net, stem), f"{stem}.weights.npz": npz(weights)}


def script(net: Trained, stem: str) -> bytes:
    """The text of the script."""
    names = "from collections import OrderedDict\nfrom functools import cache\nfrom pathlib import Path\n\n"
    weights = "WEIGHTS = {name: torch.from_numpy(w) for name, w in np.load(FILE).items()}"
    return joined(
        header(net, stem, "torch, numpy") + f"import gzip\nimport sys\n{names}import numpy as np\nimport torch\n"
        + f"from torch import nn\n\n{constants(net)}\n{weights}\n{pixel_constants(net)}",
        residual(net.arch),
        load(net),
        prepare(net),
        predict(net),
        reader(),
        MAIN,
    )  # fmt: skip


def residual(arch: a.Arch) -> str:
    """The class that residual blocks need, if there are any."""
    if not any(isinstance(layer, a.Residual) for layer in flat(arch)):
        return ""
    from fairtrial.engine.torch_net import Residual  # imports torch
    from fairtrial.export.carried import source

    return source(Residual)


def load(net: Trained) -> str:
    """The function that makes the net."""
    double = ".double()" if net.double else ""
    chosen = f'{{name: w for name, w in WEIGHTS.items() if not name.startswith("{INPUT}")}}'
    return f'''@cache
def load() -> nn.Module:
    """The net with its weights, in eval mode; it takes what `prepare` makes of images."""
    net = {sequential(net.arch, net.input, plain_words, 4)}
    net{double}.load_state_dict({chosen if net.projection else "WEIGHTS"})
    return net.eval()'''


def pixel_constants(net: Trained) -> str:
    """What brings pixels to the numbers that the net was trained on."""
    kind = ", dtype=torch.float64" if net.double else ""
    lines = [f"SCALE = torch.tensor({numbers(net.scale)}{kind})"]
    if net.shift is not None:
        lines.append(f"SHIFT = torch.tensor({numbers(net.shift)}{kind})")
    return "\n".join(lines)


def prepare(net: Trained) -> str:
    """The function that makes of pixels what the net sees."""
    seen = "torch.tensor(images) * SCALE" + (" + SHIFT" if net.shift is not None else "")
    if net.projection:
        seen = f'(({seen}).reshape(len(images), -1) - WEIGHTS["{INPUT}centre"]) @ WEIGHTS["{INPUT}components"]'
    else:
        seen = f"({seen}).permute(0, 3, 1, 2)"
    inside = ", ".join(map(str, net.input))
    return f'''def prepare(images: np.ndarray) -> torch.Tensor:
    """What the net sees (n, {inside}) of images {shown(net)} uint8."""
    return {seen}'''


def predict(net: Trained) -> str:
    """The function that gives probabilities."""
    both = "(net(x) + net(x.flip(3))) / 2" if net.flip else "net(x)"
    return f'''@torch.no_grad()
def predict(images: np.ndarray) -> np.ndarray:
    """Probabilities (n, {len(net.classes)}) of images {shown(net)} uint8."""
    net = load()
    parts = (prepare(part) for part in np.array_split(images, len(images) // 256 + 1))
    outputs = torch.cat([{both} for x in parts]).double()
{PROBABILITIES[net.meaning]}'''
