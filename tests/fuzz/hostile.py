"""Values that a user may hand over by mistake or by way of another library, each made anew for
every call.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import torch

from potentia import Network
from potentia.hardware import BreakdownReRAM, Crossbar
from potentia.models import LIF
from potentia.sim import AllToAll, Ideal, Poisson, SpikeTrain, Uniform


class Rude:
    """An object that fails at whatever it is asked."""

    def __repr__(self) -> str:
        raise RuntimeError("nobody\nshould see this")

    __str__ = __float__ = __int__ = __index__ = __len__ = __iter__ = __array__ = __fspath__ = (
        __bool__
    ) = __repr__


class Loud:
    """An object whose name has many lines and colours."""

    def __repr__(self) -> str:
        return "\x1b[31mloud\n" * 200


def _loop() -> list[Any]:
    endless: list[Any] = [1.0]
    endless.append(endless)
    return endless


def _read_only() -> np.ndarray:
    array = np.array([1.0, 2.0, 3.0])
    array.flags.writeable = False
    return array


NUMBERS: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "true": lambda: True,
    "zero": lambda: 0,
    "one": lambda: 1,
    "minus one": lambda: -1,
    "two": lambda: 2,
    "nan": lambda: math.nan,
    "inf": lambda: math.inf,
    "minus inf": lambda: -math.inf,
    "minus zero": lambda: -0.0,
    "half": lambda: 0.5,
    "tiny": lambda: 5e-324,
    "small": lambda: 1e-30,
    "large": lambda: 1e20,
    "huge": lambda: 1e300,
    "largest": lambda: 1.7976931348623157e308,
    "int 2**31": lambda: 2**31,
    "int 2**63": lambda: 2**63,
    "int 2**64": lambda: 2**64,
    "int 10**12": lambda: 10**12,
    "int 10**400": lambda: 10**400,
    "int -10**5000": lambda: -(10**5000),
    "complex": lambda: 1j,
    "float16": lambda: np.float16(0.1),
    "float32": lambda: np.float32(0.1),
    "float32 nan": lambda: np.float32("nan"),
    "longdouble": lambda: np.longdouble("1e4000"),
    "complex64": lambda: np.complex64(1),
    "int8": lambda: np.int8(3),
    "uint64": lambda: np.uint64(2**64 - 1),
    "bool_": lambda: np.True_,
    "timedelta64": lambda: np.timedelta64(3, "s"),
    "datetime64": lambda: np.datetime64("2020-01-01"),
    "NaT": lambda: np.timedelta64("NaT"),
    "0-d": lambda: np.array(3),
    "0-d nan": lambda: np.array(math.nan),
    "0-d object": lambda: np.array(None),
    "masked": lambda: np.ma.masked,
    "fraction": lambda: Fraction(1, 3),
    "decimal": lambda: Decimal("0.1"),
    "decimal nan": lambda: Decimal("sNaN"),
    "tensor": lambda: torch.tensor(0.1, requires_grad=True),
    "bfloat16": lambda: torch.tensor(2.0, dtype=torch.bfloat16),
}
TEXTS: dict[str, Callable[[], Any]] = {
    "empty": lambda: "",
    "10 mV": lambda: "10 mV",
    "lines": lambda: "a\nb\x1b[31m",
    "nul": lambda: "a\0b",
    "long": lambda: "x" * 100_000,
    "surrogate": lambda: "\ud800",
    "str_": lambda: np.str_("exc"),
    "bytes": lambda: b"exc",
    "dots": lambda: "..",
    "array of texts": lambda: np.array(["exc", "clock"]),
    "path": lambda: Path("nowhere") / "to be found",
    "no folder": lambda: "/proc/none/x.h5",
    "folder": lambda: ".",
}
ARRAYS: dict[str, Callable[[], Any]] = {
    "[]": lambda: [],
    "[1]": lambda: [1.0],
    "1:3": lambda: [1, 2, 3],
    "()": lambda: (),
    "ragged": lambda: [[1], [2, 3]],
    "nans": lambda: [0.1, math.nan, 0.3],
    "texts": lambda: ["1", "2", "3"],
    "nones": lambda: [None] * 3,
    "nested": lambda: [[[[1.0]]]],
    "loop": _loop,
    "matrix": lambda: np.ones((3, 3)),
    "large matrix": lambda: np.ones((300, 300)),
    "no rows": lambda: np.ones((0, 3)),
    "int8s": lambda: np.int8([1, 2, 3]),
    "swapped": lambda: np.arange(3.0).astype(">f8"),
    "strided": lambda: np.arange(6.0)[::2],
    "backward": lambda: np.arange(3.0)[::-1],
    "read-only": _read_only,
    "halves": lambda: np.float16([1, 2, 3]),
    "quads": lambda: np.longdouble(["1e4000", "1", "2"]),
    "complexes": lambda: np.array([1j, 2, 3]),
    "objects": lambda: np.array([1, None, "a"], object),
    "truths": lambda: np.array([True, False, True]),
    "structured": lambda: np.zeros(3, "f4,i4"),
    "spans": lambda: np.array([1, 2, 3], "m8[s]"),
    "masked array": lambda: np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]),
    "unmasked array": lambda: np.ma.array([1.0, 2.0, 3.0]),
    "np.matrix": lambda: np.asmatrix([1.0, 2.0, 3.0]),
    "range": lambda: range(3),
    "long range": lambda: range(10**30),
    "generator": lambda: (x for x in (1, 2, 3)),
    "endless": itertools.count,
    "set": lambda: {1, 2, 3},
    "large ints": lambda: [10**400, 1, 2],
    "giant": lambda: np.broadcast_to(0.5, (10**13,)),
    "negative": lambda: [-1, -2, -3],
    "sparse": lambda: scipy.sparse.eye(3),
    "tensors": lambda: torch.ones(3, requires_grad=True),
    "bfloat16s": lambda: torch.ones(3, dtype=torch.bfloat16),
    "complex tensor": lambda: torch.ones(3, dtype=torch.complex64),
    "sparse tensor": lambda: torch.eye(3).to_sparse(),
    "meta tensor": lambda: torch.ones(3, device="meta"),
    "list of tensors": lambda: [torch.ones(1, requires_grad=True)] * 3,
}
OBJECTS: dict[str, Callable[[], Any]] = {
    "{}": lambda: {},
    "dict": lambda: {"v": 0.01},
    "odd dict": lambda: {3: None, "v": [1, 2]},
    "object": object,
    "rude": Rude,
    "loud": Loud,
    "rude list": lambda: [Rude()] * 3,
    "class": lambda: LIF,
    "function": lambda: len,
    "lambda": lambda: lambda *_: 0.0,
    "module": lambda: math,
    "ellipsis": lambda: ...,
    "dtype": lambda: np.dtype("float64"),
    "slice": lambda: slice(3),
    "file": io.BytesIO,
    "exception": lambda: ValueError("a\nb"),
    "model": LIF,
    "stimulus": lambda: Poisson(rate=10.0),
    "train": lambda: SpikeTrain([1e-3], [0]),
    "stimuli": lambda: [SpikeTrain()],
    "inputs": lambda: {"drive": [SpikeTrain()]},
    "connectivity": AllToAll,
    "law": lambda: Uniform(0.0, 1.0),
    "store": Ideal,
    "device": BreakdownReRAM,
    "crossbar": lambda: Crossbar(BreakdownReRAM()),
    "population": lambda: Network().population(LIF(), 3),
    "network": Network,
}
HOSTILE: dict[str, Callable[[], Any]] = {**NUMBERS, **TEXTS, **ARRAYS, **OBJECTS}
