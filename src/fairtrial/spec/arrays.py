"""Array types: parts are written on the operators and functions that NumPy and torch have in common."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = Any  # numpy.ndarray or torch.Tensor
NumpyArray: TypeAlias = npt.NDArray[Any]
Tensors: TypeAlias = dict[str, NumpyArray]


def as_dtype(precision: str) -> np.dtype[Any]:
    """NumPy's type for stored numbers of that precision; bf16 and tf32 keep their weights in float32."""
    return np.dtype(np.float64 if precision == "float64" else np.float32)
