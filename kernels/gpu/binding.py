"""What the kernels of a work take.

That is how many threads, and the arguments as they lie in a card's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ..backend import Exact
from .device import Device
from .mirror import Mirror, Use
from .order import Job, Touches
from .signatures import Parameter, Signature, signatures
from .source import THREADS
from .work import Work

WARP = 32  # threads that go together
ROW = (64, 4)  # threads that share a segment of synapses, and segments of a block
SEGMENTS = 128  # blocks over all lags of a delivery


def uses(work: Work) -> Iterator[tuple[NDArray[Any], Use]]:
    """The arrays of a work, and what becomes of each."""
    private = {array.ctypes.data for array in work.own}
    for name in work.kernels:
        for parameter in signatures()[name].parameters:
            value = work.arguments.get(parameter.name)
            if not isinstance(value, np.ndarray):
                continue
            if parameter.form in ("Rows", "Scratch") or value.ctypes.data in private:
                yield value, Use.ROOM
            else:
                yield value, Use.READ if parameter.constant else Use.WRITTEN


def jobs(work: Work, mirror: Mirror, device: Device, precision: str) -> list[Job]:
    """What the device does for a work in one step, in order."""
    made = []
    for name in work.kernels:
        signature = signatures()[name]
        arguments = _struct(
            {
                parameter.name: _packed(
                    parameter, _found(work.arguments, parameter, name), mirror, precision
                )
                for parameter in signature.parameters
            }
        )
        threads = _threads(signature, work.arguments, device)
        made.append(Job(name, *threads, arguments, Touches.of(signature, work.arguments)))
    return made


def clock(address: int, passed: int) -> NDArray[Any]:
    """The clock () whose words lie at `address`, some steps later.

    It stands as it does so many steps after the first of a period.
    """
    return _words(address, passed)


def _threads(
    signature: Signature, arguments: Mapping[str, Any], device: Device
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Blocks and threads of a block in x and y.

    They are as the kernel's source declares them; see `launch.cuh`.
    """
    shape = signature.shape
    if shape in ("ONE", "CLOCK"):
        return (1, 1), (1, 1)
    if shape == "BLOCK":
        return (1, 1), (device.most_threads, 1)
    if shape == "ARRIVAL":
        lags = max(arguments["lags"].size, 1)
        return (min(max(SEGMENTS // lags, 2), device.most_blocks), lags), ROW
    if shape == "SPIKE":
        return (device.most_blocks, 1), ROW
    first = next(parameter.name for parameter in signature.parameters if parameter.form == "Array")
    if shape == "FLAG":
        warps = -(-arguments[first].size // WARP)
        return (1, 1), (min(warps * WARP, device.most_threads), 1)
    if shape not in ("", "FEW"):
        raise UnsupportedError(
            f"kernel {signature.name} of the gpu declares the unknown shape {shape}_KERNEL"
        )
    blocks = max(-(-arguments[first].size // THREADS), 1)
    return (min(blocks, device.most_blocks) if shape == "FEW" else blocks, 1), (THREADS, 1)


def _found(arguments: Mapping[str, Any], parameter: Parameter, kernel: str) -> Any:
    try:
        return arguments[parameter.name]
    except KeyError:
        raise UnsupportedError(
            f"kernel {kernel} of the gpu finds no argument {parameter.name!r}"
        ) from None


def _packed(parameter: Parameter, value: Any, mirror: Mirror, precision: str) -> NDArray[Any]:
    """An argument () as the kernel takes it by value."""
    dtype = precision if parameter.dtype == "real" else parameter.dtype
    if isinstance(value, np.ndarray):
        _fits(parameter, value, dtype)
        return _WORDS[parameter.form](value, mirror.address(value))
    if not isinstance(value, (int, np.integer, Exact)):
        value = np.dtype(precision).type(value)  # as all backends take numbers
    number = np.asarray(value, dtype)
    return _each(number) if parameter.form == "Each" else number


def _fits(parameter: Parameter, value: NDArray[Any], dtype: str) -> None:
    """Refuse an array that the kernel would read as something else."""
    if parameter.form in _WIDTHS:
        kind, widths = _WIDTHS[parameter.form]
        right = (
            value.dtype.kind == kind
            and value.itemsize in widths
            and value.ndim in _DIMENSIONS[parameter.form]
        )
    elif parameter.form in _WORDS:
        right = (
            value.itemsize == np.dtype(dtype).itemsize and value.ndim in _DIMENSIONS[parameter.form]
        )
    else:
        right = False
    if not right or not value.flags.c_contiguous:
        raise UnsupportedError(
            f"the gpu takes {parameter.name!r} as {parameter.form or 'one number'} of {dtype or '2 or 4 bytes'} "
            f"(got {value.dtype}{list(value.shape)})"
        )


def _struct(fields: Mapping[str, Any]) -> NDArray[Any]:
    """Fields () as a struct of C or CUDA holds them."""
    made = np.zeros(
        (), np.dtype([(name, value.dtype) for name, value in fields.items()], align=True)
    )
    for name, value in fields.items():
        made[name] = value
    return made


def _words(address: int, *numbers: int) -> NDArray[Any]:
    """A pointer and whole numbers."""
    return _struct(
        {"data": np.uint64(address)} | {f"number{k}": np.int64(x) for k, x in enumerate(numbers)}
    )


def _each(number: NDArray[Any], address: int = 0) -> NDArray[Any]:
    """A pointer and one number."""
    return _struct({"each": np.uint64(address), "one": number})


def _grid(value: NDArray[Any], address: int) -> NDArray[Any]:
    rows, columns = (*value.shape, 1)[:2]
    return _words(address, rows, columns)


def _array(value: NDArray[Any], address: int) -> NDArray[Any]:
    return _words(address, value.size)


_WORDS: dict[str, Callable[[NDArray[Any], int], NDArray[Any]]] = {
    "Array": _array,
    "Adds": _array,
    "Scratch": _array,
    "Grid": _grid,
    "Ring": _grid,
    "Rows": _grid,
    "Offsets": lambda value, address: _words(
        address, value.shape[1], value.shape[2], value.itemsize
    ),
    "Indices": lambda value, address: _words(address, value.size, value.itemsize),
    "Each": lambda value, address: _each(np.zeros((), value.dtype), address),
}
_WIDTHS = {"Offsets": ("i", (1, 2, 4)), "Indices": ("u", (2, 4))}
_DIMENSIONS = {
    "Array": (1,),
    "Adds": (1,),
    "Scratch": (1,),
    "Each": (1,),
    "Grid": (2,),
    "Ring": (1, 2),
    "Rows": (1, 2),
    "Offsets": (3,),
    "Indices": (1,),
}
