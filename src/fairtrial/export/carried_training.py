"""Functions and layers whose source the training scripts carry; what they refer to in capitals the scripts say."""

from __future__ import annotations

from math import cos, gcd, pi

import numpy as np
import torch
from sklearn import decomposition
from torch import Tensor, nn

SEED, DROPOUT = 0, 4
DELTA = 1.0


def rng(purpose: int, step: int = 0, place: int = 0, seed: int = SEED) -> np.random.Generator:
    """A generator of its own for each purpose, step and place: nothing that is drawn hangs on what was drawn before."""
    key = np.array([seed, purpose << 32 | place], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=np.array([0, 0, 0, step], np.uint64)))


def picked(labels: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Marks so many rows at random, of each class in proportion; what is over goes to the largest remainders."""
    chosen = np.zeros(len(labels), bool)
    classes, sizes = np.unique(labels, return_counts=True)
    shares, rest = np.divmod(sizes * count, len(labels))
    shares[np.argsort(-rest, kind="stable")[: count - shares.sum()]] += 1
    for c, share in zip(classes, shares, strict=True):
        chosen[random.permutation(np.flatnonzero(labels == c))[:share]] = True
    return chosen


def balanced(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """All rows at random, in an order of which every beginning has each class in proportion."""
    places = np.empty(len(labels))
    for c in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == c))
        places[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return np.argsort(places, kind="stable")


# ------------------------------------------------------------------------------------------------- augmentation


def offsets(random: np.random.Generator, lines: np.ndarray, most: int) -> np.ndarray:
    """Where each line is looked for: all those of an image moved by the same random number, `most` at most."""
    return np.arange(lines.shape[1]) + random.integers(-most, most + 1, (len(lines), 1))


def cropped(random: np.random.Generator, lines: np.ndarray, most: int) -> np.ndarray:
    """Rows (or columns) of each image moved by up to `most`; -1, which is black, comes in."""
    moved, last = offsets(random, lines, most), lines.shape[1] - 1
    inside = (moved >= 0) & (moved <= last)
    return np.where(inside, np.take_along_axis(lines, moved.clip(0, last), 1), -1)


def shifted(random: np.random.Generator, lines: np.ndarray, most: int) -> np.ndarray:
    """Rows (or columns) of each image moved by up to `most`; the edge is repeated."""
    return np.take_along_axis(lines, offsets(random, lines, most).clip(0, lines.shape[1] - 1), 1)


def span(random: np.random.Generator, lines: np.ndarray, side: int) -> np.ndarray:
    """Marks `side` rows (or columns) in a row, around a random one of each image."""
    first = random.integers(0, lines.shape[1], (len(lines), 1)) - side // 2
    position = np.arange(lines.shape[1])
    return (position >= first) & (position < first + side)


# ---------------------------------------------------------------------------------------------------- schedules


def half_cosine(start: float, end: float, share: float) -> float:
    """From start to end along half a cosine."""
    return end + (start - end) * (1 + cos(pi * share)) / 2


def one_cycle(step: int, total: int, rise: float, start: float, end: float) -> float:
    """Up from 1/start to 1 over the share `rise` of all steps, then down to 1/(start end)."""
    top = rise * total - 1  # the last step of the rise
    if step < top:
        return half_cosine(1 / start, 1.0, step / top)
    return half_cosine(1.0, 1 / (start * end), (step - top) / (total - 1 - top))


def plateau(losses: list[float], factor: float, patience: float) -> float:
    """Times `factor` whenever more than `patience` epochs passed without a loss 0.01 % below the best."""
    scale, best, waited = 1.0, float("inf"), 0
    for loss in losses:
        if loss < best * (1 - 1e-4):
            best, waited = loss, 0
        else:
            waited += 1
        if waited > patience:
            scale, waited = scale * factor, 0
    return scale


# ------------------------------------------------------------------------------------------------------- layers


class Dropout(nn.Module):
    """Zero with probability `rate`, else divided by 1 - rate; drawn for each step and place in the net."""

    step = 0  # of the training, for all of them

    def __init__(self, rate: float, place: int) -> None:
        super().__init__()
        self.rate, self.place = rate, place

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        random = rng(DROPOUT, Dropout.step, self.place)
        kept = torch.from_numpy(random.random(tuple(x.shape), dtype=np.float32) >= self.rate)
        return x * kept / (1 - self.rate)


class BatchNorm2d(nn.BatchNorm2d):
    """Torch's own in training; in evaluation one product and one sum over rows as long as the processor's vectors."""

    def forward(self, input: Tensor) -> Tensor:
        if self.training:
            return super().forward(input)
        assert self.running_mean is not None
        assert self.running_var is not None
        n, c, h, w = input.shape
        rows = gcd(n * h * w, 16)
        wide = input.permute(0, 2, 3, 1).reshape(-1, rows * c)
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        y = torch.addcmul((self.bias - self.running_mean * scale).repeat(rows), wide, scale.repeat(rows))
        return y.view(n, h, w, c).permute(0, 3, 1, 2)


# ------------------------------------------------------------------------------------------------------- losses


def cross_entropy(y: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Loss of outputs y and targets t, and its gradient: (softmax(y) - t) / n"""
    z = y - y.amax(1, keepdim=True)
    e = z.exp()
    s = e.sum(1, keepdim=True)
    return -(t * (z - s.log())).sum() / len(y), (e / s - t) / len(y)


def nll(y: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Loss of log-probabilities y and targets t, and its gradient: -t / n"""
    return -(t * y).sum() / len(y), -t / len(y)


def bce(y: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Loss of outputs y, a yes or no each, and targets t, and its gradient: (sigmoid(y) - t) / (n k)"""
    e = (-y.abs()).exp()
    sigmoid = torch.where(y >= 0, 1.0, e) / (1 + e)
    return (y.clip(0, None) - t * y + e.log1p()).sum() / y.numel(), (sigmoid - t) / y.numel()


def mse(y: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Loss of outputs y and targets t, and its gradient: 2 (y - t) / (n k)"""
    r = y - t
    return (r * r).sum() / y.numel(), 2 * r / y.numel()


def mae(y: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Loss of outputs y and targets t, and its gradient: sign(y - t) / (n k)"""
    r = y - t
    return r.abs().sum() / y.numel(), r.sign() / y.numel()


def huber(y: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Loss of outputs y and targets t, quadratic up to DELTA, and its gradient: clip(y - t, -DELTA, DELTA) / (n k)"""
    r = y - t
    c = r.clip(-DELTA, DELTA)
    return (c * r - c * c / 2).sum() / y.numel(), c / y.numel()


# -------------------------------------------------------------------------------------------------------- input


def standardised(images: np.ndarray) -> tuple[Tensor, Tensor]:
    """Scale and shift by which each channel of these images gets mean 0 and standard deviation 1."""
    values = np.arange(256) / 255
    counts = np.stack([np.bincount(images[..., c].ravel(), minlength=256) for c in range(images.shape[3])])
    shares = counts / counts.sum(1, keepdims=True)
    mean = shares @ values
    std = np.sqrt((shares * (values - mean[:, None]) ** 2).sum(1))
    std = np.where(std > 0, std, 1.0)
    return torch.from_numpy(1 / (255 * std)).float(), torch.from_numpy(-mean / std).float()


def projection(images: np.ndarray, k: int) -> tuple[Tensor, Tensor]:
    """The first k principal components of these images (pixels, k), and their mean."""
    fit = decomposition.PCA(k, svd_solver="covariance_eigh").fit(images.reshape(len(images), -1) / 255)
    components, centre = np.asarray(fit.components_).T.copy(), np.asarray(fit.mean_)
    return torch.from_numpy(components).float(), torch.from_numpy(centre).float()
