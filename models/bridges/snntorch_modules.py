"""Models of ours as neurons of snnTorch."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ...errors import UnsupportedError
from ...sim import NeuronModel
from ..discrete_alpha_lif import DiscreteAlphaLIF
from ..discrete_cuba_lif import DiscreteCubaLIF
from ..discrete_lif import DiscreteLIF
from ..propagators import difference_gain
from .affine import Shape
from .frameworks import pytorch, snntorch

OWNER: Final = "to_snntorch"
SAME: Final = 1e-5  # of a gain that snnTorch works out in float32


class Parts:
    """Makes layers of snnTorch. dtype: of their numbers; spike_grad: how they make spikes."""

    def __init__(self, dtype: Any, spike_grad: Any) -> None:
        self.torch, self.snn = pytorch(OWNER), snntorch(OWNER)
        self.dtype, self.spike_grad = dtype, spike_grad

    def tensor(self, values: Any, shape: Shape = ()) -> Any:
        """A number, or one per unit in the shape of a layer."""
        array = np.asarray(values, np.float64)
        made = self.torch.as_tensor(array.copy(), dtype=self.dtype)
        return made.reshape(shape) if array.ndim else made

    def neurons(
        self, name: str, model: NeuronModel, shape: Shape, recurrent: dict[str, Any] | None
    ) -> Any:
        """A layer of neurons; recurrent: the arguments by which it has synapses onto itself.

        Raises UnsupportedError for what snnTorch has no neurons for.
        """
        if not isinstance(model, (DiscreteLIF, DiscreteCubaLIF, DiscreteAlphaLIF)):
            raise _no_equal(
                name, "a model other than DiscreteLIF, DiscreteCubaLIF, DiscreteAlphaLIF", model
            )
        if model.inclusive:
            raise _no_equal(
                name, "units that fire at threshold, not only above it", "inclusive=True"
            )
        common = {
            "threshold": self.tensor(model.threshold, shape),
            "init_hidden": True,
            "spike_grad": self.spike_grad,
        }
        if isinstance(model, DiscreteAlphaLIF):
            return self._alpha(name, model, shape, recurrent, common)
        if np.any(np.asarray(model.offset)):
            raise _no_equal(name, "a current into v alone", "an offset")
        if model.resets == "value" and np.any(np.asarray(model.reset_value)):
            raise _no_equal(name, "a reset to another value than 0", model.reset_value)
        common["reset_mechanism"] = "zero" if model.resets == "value" else model.resets
        if isinstance(model, DiscreteCubaLIF):
            return self._synaptic(name, model, shape, recurrent, common)
        if np.any(np.asarray(model.gain) != 1):
            return self._lapicque(name, model, recurrent, common)
        return self._leaky(name, model, shape, recurrent, common)

    def _leaky(
        self,
        name: str,
        model: DiscreteLIF,
        shape: Shape,
        recurrent: dict[str, Any] | None,
        common: dict[str, Any],
    ) -> Any:
        beta = self._decay(name, "decay", model.decay, shape)
        kind = (model.resets, model.reset_at)
        if kind == ("value", "after") and recurrent is None:
            # of neurons of this kind only those with synapses lose what arrives; these weigh 0
            recurrent = {"all_to_all": False, "V": self.tensor(0.0), "learn_recurrent": False}
        delays = {
            ("subtract", "after"): True,
            ("subtract", "carried"): False,
            ("value", "spike"): False,
            ("value", "after"): True,
            # the same spikes; v is seen at 0 a step earlier where there is a recurrence
            ("value", "before"): recurrent is None,
        }
        if model.resets != "none" and kind not in delays:
            raise _no_equal(name, f"resets={kind[0]!r} with reset_at={kind[1]!r}", "such units")
        common["reset_delay"] = delays.get(kind, True)
        if recurrent is None:
            return self.snn.Leaky(beta, **common)
        return self.snn.RLeaky(beta, **common, **recurrent)

    def _lapicque(
        self,
        name: str,
        model: DiscreteLIF,
        recurrent: dict[str, Any] | None,
        common: dict[str, Any],
    ) -> Any:
        """R and C of which snnTorch makes the decay 1 - 1 / (R C) and the gain 1 / C."""
        decay, gain = np.asarray(model.decay, np.float64), np.asarray(model.gain, np.float64)
        plain = decay.ndim == gain.ndim == 0 and recurrent is None and decay < 1 and gain > 0
        delayed = model.resets == "none" or model.reset_at == "after"
        if not plain or not delayed:
            what = "a gain per unit, or with synapses of a layer onto itself, or with reset_at other than 'after'"
            raise _no_equal(name, what, "a gain other than 1")
        resistance, capacitance = self.tensor(gain / (1 - decay)), self.tensor(1 / gain)
        return self.snn.Lapicque(R=resistance, C=capacitance, **common)

    def _synaptic(
        self,
        name: str,
        model: DiscreteCubaLIF,
        shape: Shape,
        recurrent: dict[str, Any] | None,
        common: dict[str, Any],
    ) -> Any:
        if np.any(np.asarray(model.gain) != 1) or np.any(np.asarray(model.response) != 1):
            raise _no_equal(name, "a gain or response of currents other than 1", "such units")
        if model.moved_by != "new":
            raise _no_equal(name, "currents that act a step later", "moved_by='old'")
        delays = {
            ("subtract", "after"): True,
            ("value", "after"): True,
            ("subtract", "carried"): False,
            ("value", "spike"): False,
        }
        kind = (model.resets, model.reset_at)
        delayed = delays.get(kind, True)
        known = model.resets == "none" or kind in delays
        if not known or (recurrent is not None and not delayed):
            raise _no_equal(name, f"resets={kind[0]!r} with reset_at={kind[1]!r}", "such units")
        alpha = self._decay(name, "decay_current", model.decay_current, shape)
        beta = self._decay(name, "decay", model.decay, shape)
        if recurrent is None:
            return self.snn.Synaptic(alpha, beta, **common, reset_delay=delayed)
        return self.snn.RSynaptic(alpha, beta, **common, **recurrent)

    def _alpha(
        self,
        name: str,
        model: DiscreteAlphaLIF,
        shape: Shape,
        recurrent: dict[str, Any] | None,
        common: dict[str, Any],
    ) -> Any:
        own = difference_gain(model.decay_excitatory, model.decay_inhibitory)
        if model.gain is not None and not np.allclose(np.asarray(model.gain), own, rtol=SAME):
            raise _no_equal(
                name, "a gain of Alpha neurons that does not follow from the decays", model.gain
            )
        if recurrent is not None:
            raise _no_equal(name, "Alpha neurons with synapses onto themselves", "such units")
        alpha = self._decay(name, "decay_excitatory", model.decay_excitatory, shape)
        beta = self._decay(name, "decay_inhibitory", model.decay_inhibitory, shape)
        return self.snn.Alpha(alpha, beta, **common, reset_mechanism=model.resets)

    def _decay(self, name: str, field: str, value: Any, shape: Shape) -> Any:
        """A decay, which snnTorch clamps to [0, 1]."""
        if np.min(np.asarray(value)) < 0:
            raise _no_equal(name, f"a {field} below 0", value)
        return self.tensor(value, shape)


def _no_equal(name: str, what: str, got: object) -> UnsupportedError:
    return UnsupportedError(
        f"{OWNER}.network: snnTorch has no equal of {what} (got {got} in {name!r})"
    )
