"""Networks as modules of snnTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import UnsupportedError
from ...sim import Conv2d, Ideal, Network, OneToOne, Projection, Simulator, SumPool2d
from ...sim import validation as check
from ...sim.description.drawn import drawn
from ..discrete_lif import DiscreteLIF
from .affine import Shape
from .chain import Link, links_of
from .snntorch_modules import OWNER, Parts


def to_snntorch(
    network: Network, *, dt: float = 1e-3, dtype: str = "float32", spike_grad: Any = None
) -> Any:
    """A torch.nn.Sequential of snnTorch that makes the spikes of a network, step by step.

    The way back from `from_snntorch`: it takes what a step gives to the first population, and
    returns what the last one fires k steps later, if it is the k-th behind it. Layers bear the
    names of projections and populations; neurons keep their state (``init_hidden=True``), which
    ``snntorch.utils.reset`` sets to 0. Initial values of the network are not taken over.

    Parameters
    ----------
    network : Network
        Populations in a row, each joined to the next with a delay of one step, of DiscreteLIF,
        DiscreteCubaLIF or DiscreteAlphaLIF with ``inclusive=False``; also synapses of a population
        onto itself, and currents that begin with the first step of their layer (`Step`).
    dt : float
        The step [s] of the network's delays.
    dtype : "float32" or "float64"
        Of the module. snnTorch's own surrogates return float32 whatever they are given, so layers
        in float64 need a spike_grad such as ``lambda x: (x > 0).to(x.dtype)``.
    spike_grad : callable, optional
        As in snnTorch, whose arctan it is if None.

    Raises
    ------
    NetworkError
        For a network of another shape.
    UnsupportedError
        For a model, store or connectivity of which snnTorch has no equal.
    DependencyError
        Without torch or snnTorch.
    """
    check.instance(OWNER, "network", network, Network, "Network()")
    dt = check.within(OWNER, "dt", dt, above=0.0, unit="s")
    check.one_of(OWNER, "dtype", dtype, ["float32", "float64"])
    if spike_grad is not None and not callable(spike_grad):
        raise check.fail(OWNER, "spike_grad", "must be a function of tensors or None", spike_grad)
    network = drawn(network)
    links = links_of(OWNER, network, dt)
    writer = _Writer(network, dt, dtype, spike_grad)
    for link in links:
        writer.add(link)
    return writer.module


class _Writer:
    """Appends layers to a module. shape: of what the last of them returns, without the batch."""

    def __init__(self, network: Network, dt: float, dtype: str, spike_grad: Any) -> None:
        from torch import float32, float64

        self.parts = Parts(float64 if dtype == "float64" else float32, spike_grad)
        self.nn = self.parts.torch.nn
        self.module = self.nn.Sequential()
        self.simulator = Simulator(network, dt=dt, dtype="float64")
        self.shape: Shape = ()

    def add(self, link: Link) -> None:
        """A population with the synapses that reach it."""
        connectivity: Any = link.arriving.connectivity
        sliding = isinstance(connectivity, (Conv2d, SumPool2d))
        self.turn(connectivity.input_shape if sliding else None, link.arriving.pre.n)
        name = link.population.name
        if isinstance(connectivity, SumPool2d) and _fires_for_any(link):
            size = {"stride": connectivity.stride, "padding": connectivity.padding}
            self.append(name, self.nn.MaxPool2d(connectivity.size, **size))
            self.shape = connectivity.output_shape
            return
        self.synapses(link)
        recurrent = None if link.recurrent is None else self.recurrent(link)
        layer = self.parts.neurons(name, link.population.model, self.shape, recurrent)
        if link.recurrent is not None:
            self.weigh(layer, link.recurrent)
        self.append(name, layer.to(self.parts.dtype))

    def append(self, name: str, layer: Any) -> None:
        plain = "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in name)
        taken = {known for known, _ in self.module.named_children()}
        while plain in taken:
            plain += "_"
        self.module.add_module(plain, layer)

    def turn(self, image: Shape | None, n: int) -> None:
        """Bring what is passed on into the shape of an image, or flatten it where that is None."""
        first, shape = not self.shape, image or self.shape or (n,)
        if first or shape == self.shape:
            self.shape = shape
        elif image is not None:
            self.append("unflatten", self.nn.Unflatten(1, image))
            self.shape = image

    def flatten(self) -> None:
        if len(self.shape) > 1:
            self.append("flatten", self.nn.Flatten())
            self.shape = (math.prod(self.shape),)

    def synapses(self, link: Link) -> None:
        """The layer of weights from one population to the next; none where unit reaches unit."""
        arriving, bias = link.arriving, link.bias
        connectivity, weight = arriving.connectivity, arriving.weight
        _ideal(arriving)
        if isinstance(connectivity, Conv2d):
            self.append(arriving.name, self.convolution(connectivity, weight, bias, link))
            self.shape = connectivity.output_shape
        elif isinstance(connectivity, SumPool2d) and bias is None and isinstance(weight, float):
            self.append(arriving.name, self.average(connectivity, weight, arriving))
            self.shape = connectivity.output_shape
        elif not (isinstance(connectivity, OneToOne) and weight == 1.0 and bias is None):
            self.flatten()
            matrix = self.simulator.synapses(arriving.name).matrix().toarray()
            layer = self.nn.Linear(*matrix.shape, bias=bias is not None)
            self.fill(layer, matrix.T, bias)
            self.append(arriving.name, layer)
            self.shape = (matrix.shape[1],)

    def convolution(self, own: Conv2d, weight: Any, bias: Any, link: Link) -> Any:
        kernel = np.asarray(own.kernel) * (1.0 if weight is None else float(weight))
        channels, rows, columns = own.output_shape
        means = None if bias is None else bias.reshape(channels, rows * columns)
        if means is not None and (means != means[:, :1]).any():
            raise _no_equal(link.arriving, "a current that differs within a channel")
        layer = self.nn.Conv2d(
            own.input_shape[0],
            channels,
            kernel.shape[2:],
            stride=own.stride,
            padding=own.padding,
            dilation=own.dilation,
            groups=own.groups,
            bias=bias is not None,
        )
        return self.fill(layer, kernel, None if means is None else means[:, 0])

    def average(self, own: SumPool2d, weight: Any, arriving: Projection) -> Any:
        """A mean, or a sum that is divided by a whole number."""
        divisor = round(1 / float(weight)) if weight and weight > 0 else 0
        if divisor < 1 or not math.isclose(divisor * float(weight), 1.0, rel_tol=1e-12):
            raise _no_equal(arriving, f"a pooling of weight {weight}")
        size = {"stride": own.stride, "padding": own.padding, "divisor_override": divisor}
        return self.nn.AvgPool2d(own.size, **size)

    def fill(self, layer: Any, weight: Any, bias: Any) -> Any:
        """The layer with these numbers."""
        layer.to(self.parts.dtype)
        with self.parts.torch.no_grad():
            layer.weight.copy_(self.parts.tensor(weight, weight.shape))
            if bias is not None:
                layer.bias.copy_(self.parts.tensor(bias, bias.shape))
        return layer

    def recurrent(self, link: Link) -> dict[str, Any]:
        """The arguments by which snnTorch's neurons have synapses onto themselves."""
        assert link.recurrent is not None
        own, weight = link.recurrent.connectivity, link.recurrent.weight
        _ideal(link.recurrent)
        if isinstance(own, OneToOne):
            return {"all_to_all": False, "V": self.parts.tensor(weight, self.shape)}
        if isinstance(own, Conv2d):
            rows, columns = np.shape(own.kernel)[2:]
            same = own.padding in ((rows // 2, columns // 2), "same") or own.padding == rows // 2
            plain = own.stride in (1, (1, 1)) and own.dilation in (1, (1, 1)) and own.groups == 1
            if not plain or not same or own.output_shape != self.shape:
                raise _no_equal(link.recurrent, "such a convolution of a layer onto itself")
            return {"conv2d_channels": self.shape[0], "kernel_size": (rows, columns)}
        self.flatten()
        return {"linear_features": link.population.n}

    def weigh(self, layer: Any, projection: Projection) -> None:
        """Put weights into the synapses of a layer onto itself."""
        own = projection.connectivity
        if isinstance(own, OneToOne):
            return
        if isinstance(own, Conv2d):
            weight = np.asarray(own.kernel) * (
                1.0 if projection.weight is None else np.asarray(projection.weight)
            )
        else:
            weight = self.simulator.synapses(projection.name).matrix().toarray().T
        self.fill(layer.recurrent, weight, np.zeros(weight.shape[0]))


def _fires_for_any(link: Link) -> bool:
    """Whether units fire exactly where any spike arrives: the largest of a window."""
    model = link.population.model
    if not isinstance(model, DiscreteLIF) or not isinstance(model.threshold, float):
        return False
    alone = link.recurrent is None and link.bias is None and link.arriving.weight == 1.0
    forgets = (model.decay, model.gain, model.offset, model.resets) == (0.0, 1.0, 0.0, "none")
    return bool(alone and forgets and 0 < model.threshold < 1)


def _ideal(projection: Projection) -> None:
    if not isinstance(projection.store, Ideal):
        raise _no_equal(projection, f"a store such as {type(projection.store).__name__}")


def _no_equal(projection: Projection, what: str) -> UnsupportedError:
    return UnsupportedError(
        f"{OWNER}.network: snnTorch has no equal of {what} (got {projection.name!r})"
    )
