"""What a program needs of a device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray


class Launch(NamedTuple):
    """One launch of a CUDA kernel: blocks in x and y and jobs in z, threads of a block in x and y.

    arguments () as they lie in memory: the clock, and the address of the arguments of the jobs.
    after: indices of earlier launches that must be done before.
    """

    kernel: str
    grid: tuple[int, int, int]
    block: tuple[int, int]
    arguments: tuple[NDArray[Any], ...]
    after: tuple[int, ...] = ()


class Buffer(Protocol):
    """Memory of a device, free again when nobody holds it."""

    address: int


class Device(Protocol):
    """Memory, and kernels that work on it.

    most_threads: of one block that meet at a barrier; most_blocks: launched for kernels with little
    to do; steps: how many it pays to prepare at once.
    """

    most_threads: int
    most_blocks: int
    steps: int

    def allocate(self, n_bytes: int) -> Buffer:
        """New memory, all zero."""

    def upload(self, address: int, array: NDArray[Any]) -> None:
        """Copy `array` to the device."""

    def download(self, address: int, array: NDArray[Any]) -> None:
        """Fill `array` from the device."""

    def prepare(self, launches: Sequence[Launch], precision: str) -> Callable[[int], None]:
        """A function that carries out all launches so many times over, and then returns."""
