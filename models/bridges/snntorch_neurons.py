"""Neurons of snnTorch as models of ours."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ...sim import NeuronModel
from ...sim import validation as check
from ..discrete_alpha_lif import DiscreteAlphaLIF
from ..discrete_cuba_lif import DiscreteCubaLIF
from ..discrete_lif import DiscreteLIF
from .affine import OWNER, Affine, Shape, conv2d, linear, numbers, one_to_one
from .frameworks import pytorch

STATES: Final = {"_base_sub": "subtract", "_base_zero": "zero", "_base_int": "none"}


@dataclass(frozen=True, eq=False)
class Neurons:
    """A layer of neurons: its model, what one of its spikes counts, and its synapses onto itself."""

    model: NeuronModel
    factor: float
    recurrent: Affine | None


def neurons(module: Any, name: str, shape: Shape) -> Neurons:
    """A layer of snnTorch's neurons on `shape`. Raises ParameterError for what has no equal here."""
    for field in ("inhibition", "state_quant"):
        if getattr(module, field):
            rule = f"{name!r} must be without {field}, which has no equal here"
            raise check.fail(OWNER, "module", rule, f"{field}={getattr(module, field)}")
    factor = numbers(module.graded_spikes_factor).ravel()
    if factor.size != 1:
        rule = f"graded_spikes_factor of {name!r} must be one number"
        raise check.fail(OWNER, "module", rule, f"{factor.size} numbers")
    model = MODELS[type(module).__name__](module, name, shape)
    return Neurons(model, float(factor[0]), _recurrent(module, name, shape))


def _lif(module: Any, name: str, shape: Shape) -> NeuronModel:
    resets, reset_at, value = _reset(module, name, first=True)
    return DiscreteLIF(
        decay=_decay(module, "beta", name, shape),
        resets=resets,
        reset_at=reset_at,
        reset_value=value,
        **_fires(module, name, shape),
    )


def _recurrent_lif(module: Any, name: str, shape: Shape) -> NeuronModel:
    resets, reset_at, value = _reset(module, name, first=False)
    return DiscreteLIF(
        decay=_decay(module, "beta", name, shape),
        resets=resets,
        reset_at=reset_at,
        reset_value=value,
        **_fires(module, name, shape),
    )


def _lapicque(module: Any, name: str, shape: Shape) -> NeuronModel:
    """Its beta decides nothing once it is made: R, C and time_step do."""
    resets, reset_at, value = _reset(module, name, first=False)
    rate = 1 / (module.R * module.C)
    gain = numbers(module.R) * numbers(rate) * numbers(module.time_step)
    decay = numbers(1 - module.time_step / (module.R * module.C))
    return DiscreteLIF(
        decay=_spread(decay, "beta", name, shape),
        gain=_spread(gain, "R", name, shape),
        resets=resets,
        reset_at=reset_at,
        reset_value=value,
        **_fires(module, name, shape),
    )


def _synaptic(module: Any, name: str, shape: Shape) -> NeuronModel:
    resets, reset_at, value = _reset(module, name, first=False)
    return DiscreteCubaLIF(
        decay=_decay(module, "beta", name, shape),
        decay_current=_decay(module, "alpha", name, shape),
        resets=resets,
        reset_at=reset_at,
        reset_value=value,
        **_fires(module, name, shape),
    )


def _alpha(module: Any, name: str, shape: Shape) -> NeuronModel:
    torch = pytorch(OWNER)
    resets, _, _ = _reset(module, name, first=False)
    rise, fall = (torch.log(getattr(module, field).clamp(0, 1)) for field in ("alpha", "beta"))
    return DiscreteAlphaLIF(
        decay_excitatory=_decay(module, "alpha", name, shape),
        decay_inhibitory=_decay(module, "beta", name, shape),
        gain=_spread(numbers(rise / (fall - rise) + 1), "alpha", name, shape),
        resets="zero" if resets == "value" else resets,
        **_fires(module, name, shape),
    )


MODELS: Final[dict[str, Callable[[Any, str, Shape], NeuronModel]]] = {
    "Leaky": _lif,
    "RLeaky": _recurrent_lif,
    "Lapicque": _lapicque,
    "Synaptic": _synaptic,
    "RSynaptic": _synaptic,
    "Alpha": _alpha,
}


def _reset(module: Any, name: str, *, first: bool) -> tuple[str, str, float]:
    """`resets`, `reset_at` and `reset_value` of our models.

    first: whether a delayed reset to zero comes before decay and input, as in Leaky alone; in all
    others what arrives in that step is lost.
    """
    kind = STATES.get(module.state_function.__name__)
    if kind != module.reset_mechanism:
        rule = f"reset_mechanism of {name!r} must be that with which it was made, which it still follows"
        raise check.fail(OWNER, "module", rule, module.reset_mechanism)
    # RSynaptic has the field and follows it nowhere
    delayed = getattr(module, "reset_delay", True) or type(module).__name__ == "RSynaptic"
    if kind == "none":
        return "none", "spike", 0.0
    if kind == "subtract":
        return "subtract", "after" if delayed else "carried", 0.0
    return "value", ("before" if first else "after") if delayed else "spike", 0.0


def _fires(module: Any, name: str, shape: Shape) -> dict[str, Any]:
    """Threshold, and whether it fires itself: asked of the function that makes the spikes."""
    torch = pytorch(OWNER)
    threshold = numbers(module.threshold)
    if threshold.min() <= 0:
        rule = f"threshold of {name!r} must be > 0"
        raise check.fail(OWNER, "module", rule, float(threshold.min()))
    tried = torch.tensor([-1.0, -1e-6, 0.0, 1e-6, 1.0], dtype=module.threshold.dtype)
    try:
        with torch.no_grad():
            spikes: tuple[float, ...] = tuple(module.spike_grad(tried).tolist())
    except Exception as error:  # of a user's function
        rule = f"spike_grad of {name!r} must be a function of a tensor, which ends in: {error}"
        raise check.fail(OWNER, "module", rule, type(error).__name__) from None
    if spikes not in ((0, 0, 0, 1, 1), (0, 0, 1, 1, 1)):
        rule = f"spike_grad of {name!r} must be 1 above threshold and 0 below"
        raise check.fail(OWNER, "module", rule, f"{spikes} at {tuple(tried.tolist())}")
    return {
        "threshold": _spread(threshold, "threshold", name, shape),
        "inclusive": bool(spikes[2]),
    }


def _decay(module: Any, field: str, name: str, shape: Shape) -> Any:
    """beta or alpha, clamped as snnTorch does in every step."""
    return _spread(np.clip(numbers(getattr(module, field)), 0.0, 1.0), field, name, shape)


def _spread(values: Any, field: str, name: str, shape: Shape) -> Any:
    """One number, or one per unit (n,), of what torch would spread over a layer of `shape`."""
    if values.size == 1:
        return float(values.ravel()[0])
    try:
        return np.broadcast_to(values, (1, *shape))[0].ravel()
    except ValueError:
        rule = f"{field} of {name!r} must fit its layer, of shape {shape}"
        raise check.fail(OWNER, "module", rule, f"shape {values.shape}") from None


def _recurrent(module: Any, name: str, shape: Shape) -> Affine | None:
    """The synapses of a layer onto itself."""
    inner = getattr(module, "recurrent", None)
    if inner is None:
        return None
    own = f"{name}.recurrent"
    if hasattr(inner, "V"):
        weight = _spread(numbers(inner.V), "V", name, shape)
        return one_to_one(shape, weight, own)
    make = conv2d if type(inner).__name__ == "Conv2d" else linear
    made = make(inner, own, shape)
    if made.n_post != math.prod(shape):
        rule = f"{own!r} must keep the shape of its layer, {shape}"
        raise check.fail(OWNER, "module", rule, f"shape {made.output_shape}")
    return made
