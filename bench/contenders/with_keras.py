"""Keras as its documentation has it, on the backend that KERAS_BACKEND names: `fit` on arrays in memory."""

from __future__ import annotations

import keras

from contenders.job import PARTS, SCORED, Job, Timed
from fairtrial.spec import arch as a

STEPS = 10 if keras.backend.backend() == "jax" else 1  # in one program, which the torch backend cannot


def layers_of(layer: a.Layer) -> list[keras.layers.Layer]:
    """The same layer by Keras, with PyTorch's constants."""
    match layer:
        case a.Conv(mode="reflect"):
            pad = [(0, 0), layer.margins, layer.margins, (0, 0)]
            reflected = keras.layers.Lambda(keras.ops.pad, arguments={"pad_width": pad, "mode": "reflect"})
            return [reflected, keras.layers.Conv2D(layer.units, layer.kernel, layer.stride)]
        case a.Conv():
            return [
                keras.layers.Conv2D(layer.units, layer.kernel, layer.stride, "same" if any(layer.margins) else "valid")
            ]
        case a.Linear():
            return [keras.layers.Dense(layer.width)]
        case a.BatchNorm():
            return [keras.layers.BatchNormalization(momentum=1 - layer.momentum, epsilon=layer.eps)]
        case a.MaxPool():
            return [keras.layers.MaxPooling2D(layer.kernel, layer.step)]
        case a.LeakyReLU():
            return [keras.layers.LeakyReLU(layer.slope)]
        case a.Dropout():
            return [keras.layers.Dropout(layer.rate or 0)]
        case a.ReLU():
            return [keras.layers.ReLU()]
        case _:
            return [keras.layers.Flatten()]


class Keras(Timed):
    """A compiled Sequential."""

    def __init__(self, job: Job) -> None:
        keras.utils.set_random_seed(0)
        self.data, self.batch = {part: job.pixels(part) for part in PARTS}, job.batch
        shape = self.data["train"][0].shape[1:]
        self.model = keras.Sequential([keras.Input(shape), *(made for layer in job.arch for made in layers_of(layer))])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(keras.optimizers.Adam(job.rate), loss, metrics=["accuracy"], steps_per_execution=STEPS)

    def fit(self) -> None:
        self.model.fit(*self.data["train"], batch_size=self.batch, verbose=0)

    def score(self, part: str) -> float:
        _, accuracy = self.model.evaluate(*self.data[part], batch_size=SCORED, verbose=0)
        return accuracy
