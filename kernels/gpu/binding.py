"""Launches of a piece of work: how many threads, and the arguments as kernels take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ..backend import Exact
from .device import Device, Launch
from .mirror import Mirror, Use
from .order import Touches
from .signatures import Parameter, Signature, signatures
from .work import PER_TILE, Work

THREADS = 256  # of a block whose threads have nothing to do with each other
ROW = (32, 8)  # threads that share a segment of synapses, and segments of a block
SEGMENTS = 512  # blocks over all lags of a delivery

# kernels whose threads are not one per entry of their first array
FEW = {"send_step": "few", "tick": "one", "record_rate_step": "one"}


def uses(work: Work) -> Iterator[tuple[NDArray[Any], Use]]:
    """The arrays of a piece of work, and what becomes of each."""
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


def launches(work: Work, mirror: Mirror, device: Device, precision: str) -> list[tuple[Launch, Touches]]:
    """What the device does for a piece of work in one step, and what each launch touches."""
    made = []
    for name in work.kernels:
        signature = signatures()[name]
        arguments = tuple(
            _packed(parameter, _found(work.arguments, parameter, name), mirror, precision)
            for parameter in signature.parameters
        )
        launch = Launch(name, *_threads(signature, work.arguments, device), arguments)
        made.append((launch, Touches.of(signature, work.arguments)))
    return made


def _threads(
    signature: Signature, arguments: Mapping[str, Any], device: Device
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Blocks and threads of a block in x and y."""
    asks = {parameter.name for parameter in signature.parameters}
    if "tile_counts" in asks:
        tiles = -(-arguments["flags"].size // (PER_TILE * device.most_threads))
        return (max(tiles, 1), 1), (device.most_threads, 1)
    if signature.meets:
        return (1, 1), (device.most_threads, 1)
    if "history" in asks and "lags" in asks:
        lags = max(arguments["lags"].size, 1)
        return (min(max(SEGMENTS // lags, 2), device.most_blocks), lags), ROW
    if "fired_post" in asks:
        return (device.most_blocks, 1), ROW
    kind = FEW.get(signature.name)
    if kind == "one":
        return (1, 1), (1, 1)
    first = next(parameter.name for parameter in signature.parameters if parameter.form == "Array")
    blocks = max(-(-arguments[first].size // THREADS), 1)
    return (min(blocks, device.most_blocks) if kind else blocks, 1), (THREADS, 1)


def _found(arguments: Mapping[str, Any], parameter: Parameter, kernel: str) -> Any:
    try:
        return arguments[parameter.name]
    except KeyError:
        raise UnsupportedError(f"kernel {kernel} of the gpu finds no argument {parameter.name!r}") from None


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
    if parameter.form in ("Counts", "Indices"):
        right = value.dtype.kind == "u" and value.itemsize in (2, 4) and value.ndim in _DIMENSIONS[parameter.form]
    elif parameter.form in _WORDS:
        right = value.itemsize == np.dtype(dtype).itemsize and value.ndim in _DIMENSIONS[parameter.form]
    else:
        right = False
    if not right or not value.flags.c_contiguous:
        raise UnsupportedError(
            f"the gpu takes {parameter.name!r} as {parameter.form or 'one number'} of {dtype or '2 or 4 bytes'} "
            f"(got {value.dtype}{list(value.shape)})"
        )


def _struct(*words: Any) -> NDArray[Any]:
    made = np.zeros((), [(f"w{k}", word.dtype) for k, word in enumerate(words)])
    for k, word in enumerate(words):
        made[f"w{k}"] = word
    return made


def _each(number: NDArray[Any], address: int = 0) -> NDArray[Any]:
    """A pointer, and one number in eight bytes."""
    made = np.zeros((), [("each", np.uint64), ("one", np.uint8, 8)])
    made["each"] = address
    made["one"][: number.itemsize] = np.frombuffer(number.tobytes(), np.uint8)
    return made


def _array(value: NDArray[Any], address: int) -> NDArray[Any]:
    return _struct(np.uint64(address), np.int64(value.size))


def _grid(value: NDArray[Any], address: int) -> NDArray[Any]:
    rows, columns = (*value.shape, 1)[:2]
    return _struct(np.uint64(address), np.int64(rows), np.int64(columns))


def _counts(value: NDArray[Any], address: int) -> NDArray[Any]:
    return _struct(np.uint64(address), np.int64(value.shape[1]), np.int64(value.shape[2]), np.int64(value.itemsize))


def _indices(value: NDArray[Any], address: int) -> NDArray[Any]:
    return _struct(np.uint64(address), np.int64(value.size), np.int64(value.itemsize))


_WORDS: dict[str, Callable[[NDArray[Any], int], NDArray[Any]]] = {
    "Array": _array, "Adds": _array, "Scratch": _array, "Grid": _grid, "Rows": _grid, "Counts": _counts,
    "Indices": _indices,
    "Each": lambda value, address: _each(np.zeros((), value.dtype), address),
    "Clock": lambda value, address: _struct(np.uint64(address)),
}  # fmt: skip
_DIMENSIONS = {
    "Array": (1,),
    "Adds": (1,),
    "Scratch": (1,),
    "Each": (1,),
    "Grid": (2,),
    "Rows": (1, 2),
    "Clock": (1,),
    "Counts": (3,),
    "Indices": (1,),
}
