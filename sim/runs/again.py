"""Simulators made again: from a snapshot, a pickle or a copy."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .. import validation as check
from ..description.network import Network

S = TypeVar("S")  # a Simulator


def again(
    kind: Callable[..., S],
    network: Network,
    options: Mapping[str, Any],
    state: Mapping[str, Any],
    history: str,
) -> S:
    """A simulator of a kind from what `Session.kept` tells of another one."""
    simulator: Any = kind(network, **options)
    simulator._session.restore(state, history)
    made: S = simulator
    return made


def reopened(
    kind: Callable[..., S],
    path: str | os.PathLike[str],
    *,
    backend: str | None,
    threads: int | None,
) -> S:
    """A simulator of a kind from a snapshot; see `Simulator.load`."""
    from . import snapshot

    path = check.path("Simulator", "load path", path)
    saved = snapshot.load(path)
    options = {**saved.options, "threads": threads}
    if backend is not None:
        options["backend"] = backend
    history = options.pop("history", "")
    with snapshot.blaming(path, saved.version):
        return again(kind, saved.network, options, saved.state, history)
