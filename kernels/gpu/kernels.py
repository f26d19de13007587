"""The kernels of this room.

They have the names and the parameters that they have in every room.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ...errors import UnsupportedError
from ..backend import load
from ..printed.printed import Printed
from .signatures import signatures
from .work import NOTHING


class Kernel:
    """The name and the parameters of a kernel that stands in a .cu file.

    Only a `Program` can run it.
    """

    printed: Printed

    def __init__(self, function: Callable[..., Any]) -> None:
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self.__signature__ = inspect.signature(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise UnsupportedError(
            f"kernel {self.__name__} of the gpu runs in a program only, not by itself"
        )


def _names() -> set[str]:
    """Kernels without the suffixes of their versions and the names of their parts."""
    steps = [name for name in signatures() if "_step" in name]
    return {
        *NOTHING,
        *(name.removesuffix("_whole").removesuffix("_4").removesuffix("_8") for name in steps),
    }


_reference = load("reference")
globals().update({name: Kernel(getattr(_reference, name)) for name in sorted(_names())})
