"""Potentia: a simulator for neuromorphic computing.

One description of a network (`Network`) runs step by step or event by event (`Simulator`), learns
by local rules (`potentia.learning`), lives on emulated resistive memory when asked to
(`potentia.hardware`) and hands its states to PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .sim.description.network import Network
    from .sim.results.result import Result
    from .sim.simulator import Simulator

__all__ = ["Network", "Result", "Simulator", "__version__"]

_HOMES = {
    "Network": ".sim.description.network",
    "Result": ".sim.results.result",
    "Simulator": ".sim.simulator",
}


def __getattr__(name: str) -> Any:
    """Import the public names on first use, so that ``import potentia`` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
