"""PyTorch, or one sentence on how to get it."""

from __future__ import annotations

from ...errors import DependencyError

try:
    import torch
    from torch.autograd.function import once_differentiable
except ImportError as error:
    raise DependencyError(
        "EventProp: needs PyTorch, which is not installed; install it with: pip install 'potentia[torch]'"
    ) from error

__all__ = ["once_differentiable", "torch"]
