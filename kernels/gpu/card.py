"""A CUDA device, by way of CuPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CapacityError, DependencyError, UnsupportedError
from .device import Launch
from .order import deal
from .signatures import FOLDER
from .source import digest, text, unit

# no fused multiply-add: it rounds once where others round twice
OPTIONS = (
    "-std=c++17",
    "-fmad=false",
    f"-I{FOLDER}",
)


class Memory:
    """An allocation in the device's memory."""

    def __init__(self, cupy: Any, n_bytes: int) -> None:
        try:
            self._bytes = cupy.zeros(n_bytes, np.uint8)
        except cupy.cuda.memory.OutOfMemoryError as error:
            raise CapacityError(
                f"the network does not fit into the memory of the gpu: {error}"
            ) from None
        self.address = int(self._bytes.data.ptr)


class Card:
    """See `Device`. Copies and graphs go to one stream, so they are done in order."""

    most_threads = 1024
    most_blocks = 64
    steps = 64

    def __init__(self) -> None:
        self._cupy = _cupy()
        self._stream = self._cupy.cuda.Stream(non_blocking=True)

    def allocate(self, n_bytes: int) -> Memory:
        """New memory, all zero."""
        with self._stream:
            return Memory(self._cupy, n_bytes)

    def upload(self, address: int, array: NDArray[Any]) -> None:
        """Copy `array` to the device."""
        runtime = self._cupy.cuda.runtime
        runtime.memcpyAsync(
            address, array.ctypes.data, array.nbytes, runtime.memcpyHostToDevice, self._stream.ptr
        )

    def download(self, address: int, array: NDArray[Any]) -> None:
        """Fill `array` from the device."""
        runtime = self._cupy.cuda.runtime
        runtime.memcpyAsync(
            array.ctypes.data, address, array.nbytes, runtime.memcpyDeviceToHost, self._stream.ptr
        )
        self._stream.synchronize()

    def prepare(self, launches: Sequence[Launch], precision: str) -> Callable[[int], None]:
        """A function that carries out all launches so many times over, and then returns.

        Every kernel is launched once before, since a driver may load it only then; with the clock
        at rest it does nothing.
        """
        firsts = {launch.kernel: launch for launch in reversed(launches)}
        functions = {
            name: _module(precision, unit(name)).get_function(f"run_{name}") for name in firsts
        }
        with self._stream:
            for launch in firsts.values():
                functions[launch.kernel](launch.grid, launch.block, launch.arguments)
        graph = self._graph(launches, functions)

        def replay(times: int) -> None:
            for _ in range(times):
                graph.launch(self._stream)
            self._stream.synchronize()

        return replay

    def _graph(self, launches: Sequence[Launch], functions: Mapping[str, Any]) -> Any:
        """A CUDA graph in which launches wait only for those in their `after`.

        The last one waits for all.
        """
        cuda = self._cupy.cuda
        made, events = [self._stream], [cuda.Event(disable_timing=True) for _ in launches]
        self._stream.begin_capture()
        places = deal(launches)
        for launch, place, event in zip(launches, places, events, strict=True):
            while place >= len(made):
                made.append(cuda.Stream(non_blocking=True))
            stream = made[place]
            for other in launch.after:
                if places[other] != place:
                    stream.wait_event(events[other])
            with stream:
                functions[launch.kernel](launch.grid, launch.block, launch.arguments)
            stream.record(event)
        return self._stream.end_capture()


@cache
def _module(precision: str, unit: str) -> Any:
    """The kernels of a unit, compiled by NVRTC.

    CuPy keeps the machine code on disk, by the text it was made from.
    """
    code = f"// sources {digest(precision, unit)}\n{text(precision, unit)}"
    return _cupy().RawModule(code=code, options=OPTIONS)


@cache
def _cupy() -> Any:
    """CuPy, if it is there and finds a device."""
    try:
        import cupy
    except ImportError:
        raise DependencyError('backend="gpu" needs cupy: pip install potentia[gpu]') from None
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise UnsupportedError(
            f'backend="gpu" needs a CUDA device and its driver ({error})'
        ) from None
    if count == 0:
        raise UnsupportedError('backend="gpu" needs a CUDA device, and there is none')
    return cupy
