"""Work on tensors of which nothing is kept for a way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

T = TypeVar("T")


def without(work: Callable[[], T]) -> T:
    """What `work` returns, as under ``torch.no_grad()``, whose mode no interrupt leaves behind.

    That context ends in a function of Python, at whose beginning Ctrl-C may come, so that the
    caller's later work would have no gradients. Here a single call into C ends it.
    """
    before, switch = torch.is_grad_enabled(), torch._C._set_grad_enabled
    try:
        switch(False)
        return work()
    finally:
        switch(before)
