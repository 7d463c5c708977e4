"""The forward pass of every layer in plain NumPy, images first: (n, channels, height, width) or (n, units).

The scripts that `to_numpy` writes carry the source of those that their net needs.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def windows(x: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    """What each window sees: (n, channels, rows, columns, kernel, kernel)."""
    return sliding_window_view(x, (kernel, kernel), (2, 3))[:, :, ::stride, ::stride]


def zero_pad(x: np.ndarray, before: int, after: int) -> np.ndarray:
    """Rows and columns of zeros on every side."""
    return np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))


def mirror_pad(x: np.ndarray, before: int, after: int) -> np.ndarray:
    """Rows and columns of the mirror image on every side; the edge is not repeated."""
    return np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)), "reflect")


def conv(x: np.ndarray, weight: np.ndarray, stride: int = 1) -> np.ndarray:
    """y[n, o, r, q] = sum over c, i, j of weight[o, c, i, j] x[n, c, stride r + i, stride q + j]"""
    seen = windows(x, weight.shape[2], stride)
    return np.tensordot(seen, weight, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)


def max_pool(x: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    """The largest value of each window."""
    return windows(x, kernel, stride).max((4, 5))


def avg_pool(x: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    """The mean of each window."""
    return windows(x, kernel, stride).mean((4, 5))


def batch_norm(x: np.ndarray, weights: dict[str, np.ndarray], name: str, eps: float) -> np.ndarray:
    """(x - mean) / sqrt(var + eps) weight + bias, for each channel or unit, with the running statistics."""
    mean, var, weight, bias = (weights[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
    scale = weight / np.sqrt(var + eps)
    shape = (-1, 1, 1) if x.ndim == 4 else (-1,)
    return x * scale.reshape(shape) + (bias - mean * scale).reshape(shape)


def relu(x: np.ndarray) -> np.ndarray:
    """max(x, 0)"""
    return np.maximum(x, 0)


def leaky_relu(x: np.ndarray, slope: float) -> np.ndarray:
    """x where positive, slope x elsewhere"""
    return np.where(x > 0, x, slope * x)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))"""
    with np.errstate(over="ignore"):  # exp may be infinite; the quotient is then 0, as it should be
        return 1 / (1 + np.exp(-x))


def silu(x: np.ndarray) -> np.ndarray:
    """x sigmoid(x)"""
    return x * sigmoid(x)


def gelu(x: np.ndarray) -> np.ndarray:
    """x Phi(x), Phi the normal distribution function; NumPy has no erf"""
    erf = np.vectorize(math.erf, otypes=[x.dtype])
    return x * (1 + erf(x / math.sqrt(2))) / 2


def softmax(x: np.ndarray) -> np.ndarray:
    """exp(x) / sum exp(x) over the units"""
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def log_softmax(x: np.ndarray) -> np.ndarray:
    """x - log sum exp(x) over the units"""
    z = x - x.max(1, keepdims=True)
    return z - np.log(np.exp(z).sum(1, keepdims=True))
