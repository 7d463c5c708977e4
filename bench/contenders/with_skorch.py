"""skorch as its documentation has it: `partial_fit` on tensors in memory, without callbacks."""

from __future__ import annotations

import skorch
import torch
from torch import nn

from contenders.job import PARTS, SCORED, Job, Timed
from loop import plain_net


class Skorch(Timed):
    """A NeuralNetClassifier around the net."""

    def __init__(self, job: Job) -> None:
        torch.manual_seed(0)
        self.data = {part: job.pixels(part) for part in PARTS}
        self.data = {part: (x.transpose(0, 3, 1, 2), y) for part, (x, y) in self.data.items()}
        self.net = skorch.NeuralNetClassifier(
            plain_net(job.net).to(memory_format=torch.channels_last),
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            optimizer__fused=True,
            lr=job.rate,
            batch_size=job.batch,
            iterator_train__shuffle=True,
            iterator_valid__batch_size=SCORED,
            train_split=None,
            max_epochs=1,
            callbacks="disable",
            verbose=0,
        ).initialize()

    def fit(self) -> None:
        self.net.partial_fit(*self.data["train"])

    def score(self, part: str) -> float:
        return float(self.net.score(*self.data[part]))
