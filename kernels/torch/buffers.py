"""Large arrays that are used again, since fresh pages of memory take longer than filling them.

A tensor from here owns its memory until torch lets go of it: graph, view and array keep it. Only
then may the next one of its size have it.
"""

from __future__ import annotations

import math
import weakref
from collections import deque

import torch

SMALLEST, LARGEST = 1 << 17, 1 << 25  # bytes of what is kept
KEPT = 8  # that nobody uses; those let go last

_free: deque[torch.Tensor] = deque(maxlen=KEPT)


def fresh(shape, like):
    """A tensor of any content, of the type and on the device of `like`; see `Tensor.new_empty`."""
    size = math.prod(shape) * like.element_size()
    if like.device.type != "cpu" or not SMALLEST <= size <= LARGEST:
        return like.new_empty(shape)
    memory = _taken(size)
    array = memory.view(like.dtype).view(shape).numpy()
    weakref.finalize(array, _free.append, memory).atexit = False
    return torch.from_numpy(array)  # whose storage keeps this very array alive


def _taken(size):
    """Memory of so many bytes that nobody uses.

    Tensors may be let go of at any moment, in any thread, so that each step here is one of deque.
    """
    for _ in range(len(_free)):
        try:
            memory = _free.popleft()
        except IndexError:
            break
        if memory.numel() == size:
            return memory
        _free.append(memory)
    return torch.empty(size, dtype=torch.uint8)
