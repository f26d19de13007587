"""Units that pass on what they receive."""

from __future__ import annotations

from .surrogate import passed


def relay_step(arrived, merged, counted):
    """Fire every unit that something arrived at.

    arrived (batch, n). merged (batch, n): where `counted` is 1, each arrival adds 1 to `arrived`,
    and all but one of a unit's arrivals in this step are counted here. Gradients pass as they come.
    """
    if counted:
        merged = merged + (arrived.detach() - 1).clamp(min=0).to(merged.dtype)
    return passed(arrived != 0, arrived), {"merged": merged}
