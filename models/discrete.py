"""What the models in discrete time share: how and when a spike resets a unit."""

from __future__ import annotations

from typing import Any, Final

from ..kernels.reference import discrete
from ..sim import validation as check
from .parameters import keep

RESETS: Final = {
    "subtract": discrete.SUBTRACT,
    "value": discrete.VALUE,
    "none": discrete.NONE,
}
TIMES: Final = {
    "spike": discrete.SPIKE,
    "before": discrete.BEFORE,
    "after": discrete.AFTER,
    "carried": discrete.CARRIED,
}


def keep_reset(model: Any) -> None:
    """Check the fields by which a unit fires and is reset."""
    keep(model, "threshold")
    keep(model, "reset_value")
    check.keep(model, "resets", check.one_of, list(RESETS))
    check.keep(model, "reset_at", check.one_of, list(TIMES))
    check.keep(model, "inclusive", check.flag)
    if model.resets == "subtract":
        keep(model, "threshold", above=0.0)
    if model.resets == "value":
        keep(model, "reset_value", below=model.threshold)
    if model.reset_at == "carried" and model.resets != "subtract":
        rule = "'carried' needs resets='subtract', since no other reset leaves anything to carry"
        raise check.fail(model, "reset_at", rule, model.resets)


def reset_constants(model: Any) -> dict[str, Any]:
    """The constants of a kernel by which units fire and are reset."""
    return {
        "threshold": model.threshold,
        "reset_value": model.reset_value,
        "resets": RESETS[model.resets],
        "reset_at": TIMES[model.reset_at],
        "inclusive": int(model.inclusive),
    }
