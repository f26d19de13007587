"""The packages that bridges lead to, imported when a bridge is used."""

from __future__ import annotations

from typing import Any

from ...errors import DependencyError


def pytorch(owner: str) -> Any:
    """The torch package. owner: who asks."""
    try:
        import torch
    except ImportError:
        raise _missing(owner, "PyTorch") from None
    return torch


def snntorch(owner: str) -> Any:
    """The snntorch package. owner: who asks."""
    pytorch(owner)
    try:
        import snntorch
    except ImportError:
        raise _missing(owner, "snnTorch") from None
    return snntorch


def _missing(owner: str, package: str) -> DependencyError:
    return DependencyError(
        f"{owner}: needs {package}, which is not installed; install it with: pip install 'potentia[torch]'"
    )
