"""Operators of which every thread has its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from .build import Build
from .operator import Kernel, Phase, parameters


@final
@dataclass(frozen=True, eq=False)
class PerThread:
    """What a kernel finds under one name: one value for each share.

    Each thread works on targets of its own.
    """

    values: tuple[Any, ...]


def spread(
    build: Build,
    phase: Phase,
    label: str,
    kernel: Kernel,
    scope: Mapping[str, Any],
    threads: Sequence[int | None],
    **how: Any,
) -> None:
    """Let a kernel run in every step, once for each thread or once for all.

    It runs once for each of `threads` where it asks for anything that is `PerThread`. Else once,
    when the work of all threads is done.
    """
    asked = parameters(build.kernel(kernel, how.get("owner") or label))
    if not any(isinstance(scope.get(name), PerThread) for name in asked):
        build.operator(phase, label, kernel, scope, **how)
        return
    for k, thread in enumerate(threads):
        own = {
            name: value.values[k] if isinstance(value, PerThread) else value
            for name, value in scope.items()
        }
        build.operator(
            phase, label if k == 0 else f"{label}/thread {k}", kernel, own, thread=thread, **how
        )
