"""Printed kernels for a card."""

from __future__ import annotations

from functools import cache

from ..printed.printed import Printed
from ..reference.printed import made as plain
from .kernels import Kernel
from .signatures import declare


@cache
def made(printed: Printed) -> Kernel:
    """The name and the parameters of a printed kernel, whose source is known from now on."""
    declare(printed.name, printed.cuda)
    kernel = Kernel(plain(printed))
    kernel.printed = printed
    return kernel
