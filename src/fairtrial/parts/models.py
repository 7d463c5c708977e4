"""Models: the catalogue of nets by name, each one line of text that builds for any data whose shape allows it."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.spec.arch import WORDS, Arch, LogSoftmax, Shape, out_shape
from fairtrial.spec.arch_text import read_arch, resolve
from fairtrial.spec.errors import ShapeError, UnknownName
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.registry import Registry


@dataclass(frozen=True)
class Model:
    """A net of the catalogue; `colour` stands in for `line` where images have three channels."""

    about: str
    line: str
    colour: str = ""

    def text(self, channels: int) -> str:
        return self.colour if self.colour and channels == 3 else self.line


MODELS: Registry[Model] = Registry("model")


def _residual_net(blocks: int) -> str:
    """ResNet for 32x32 images (He et al. 2016, section 4.2) with 6 * blocks + 2 layers and 1x1 shortcuts."""
    line = "conv 16 no-bias, norm, act"
    for width in (16, 32, 64):
        for block in range(blocks):
            down = width > 16 and block == 0
            stride, shortcut = (" stride 2", f" | conv {width} 1 stride 2 no-bias, norm") if down else ("", "")
            line += f", residual(conv {width}{stride} no-bias, norm, act, conv {width} no-bias, norm{shortcut}), act"
    return line + ", global-pool, linear classes"


def _add(name: str, about: str, line: str, colour: str = "") -> None:
    MODELS.add(name)(Model(about, line, colour))


_TWO_BLOCKS = "conv {0}, pool, act, conv {1}, pool, act, flatten, linear 100, act, dropout, linear classes"
_add(
    "mlp",
    "system E: four hidden layers with batch norm",
    "flatten, linear 256, norm, act, linear 128, norm, act, linear 64, norm, act, linear 32, norm, act, linear classes",
)
_add("small-mlp", "system B: one hidden layer of 20 units", "flatten, linear 20, act, linear classes")
_add("linear", "softmax regression, the baseline", "flatten, linear classes")
_add(
    "cnn2",
    "system A: two blocks of convolution and pooling, wider for colour images",
    _TWO_BLOCKS.format(10, 32),
    _TWO_BLOCKS.format(15, 45),
)
_add(
    "bn-cnn",
    "system C: three convolutions with batch norm",
    "conv 6 5 pad 2 reflect, norm, act, pool, conv 16, norm, act, pool, conv 32, norm, act, pool, "
    "flatten, linear 120, act, linear 84, act, linear classes",
)
_add(
    "strided-cnn",
    "system D: three convolutions, two with stride 2, no pooling",
    "conv 16 3 stride 2 valid, act, conv 32 3 stride 2 valid, act, conv 64 3 valid, act, "
    "flatten, linear 256, act, linear 64, act, linear classes",
)
_add(
    "lenet",
    "LeNet-5 with the recipe's activation (LeCun et al. 1998)",
    "conv 6 5 pad 2, act, pool, conv 16 5 valid, act, pool, flatten, linear 120, act, linear 84, act, linear classes",
)
_add(
    "vgg",
    "six convolutions in three blocks, in the manner of Simonyan and Zisserman 2015, with batch norm",
    "conv 32, norm, act, conv 32, norm, act, pool, dropout, conv 64, norm, act, conv 64, norm, act, pool, dropout, "
    "conv 128, norm, act, conv 128, norm, act, pool, dropout, flatten, linear 128, norm, act, dropout, linear classes",
)
_add("resnet20", "ResNet-20 for 32x32 images (He et al. 2016)", _residual_net(3))  # fmt: skip


def build(recipe: Recipe, shape: Shape, outputs: int) -> Arch:
    """The recipe's architecture for images (channels, height, width), checked to end in `outputs` numbers.

    The loss `nll` expects log-probabilities: a net that does not end in log-softmax gets one.
    """
    arch = read_arch(model_text(recipe.model, shape[0]))
    arch = resolve(arch, activation=recipe.activation, norm=recipe.norm, dropout=recipe.dropout, outputs=outputs)
    if recipe.loss == "nll" and not isinstance(arch[-1], LogSoftmax):
        arch += (LogSoftmax(),)
    try:
        made = out_shape(arch, shape)
    except ShapeError as error:
        raise ShapeError(f"model {recipe.model!r} on input {'x'.join(map(str, shape))}: {error}") from None
    if made != (outputs,):
        raise ShapeError(
            f"model {recipe.model!r} ends in shape {made}, but the targets need ({outputs},); "
            "end it in `flatten, linear classes`"
        )
    return arch


def model_text(model: str, channels: int) -> str:
    """The line behind a catalogue name; a line of text is its own; a single unknown word is an UnknownName."""
    if model in MODELS:
        return MODELS[model].text(channels)
    if "," not in model and " " not in model.strip() and model not in WORDS.values():
        raise UnknownName("model", model, MODELS)
    return model
