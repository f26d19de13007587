"""Networks as modules of snnTorch."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import CapacityError, UnsupportedError
from ...sim import Conv2d, Distribution, Ideal, Network, OneToOne, Projection, Simulator, SumPool2d
from ...sim import validation as check
from ...sim.description.drawn import drawn
from ..discrete_lif import DiscreteLIF
from .affine import Shape
from .chain import Link, links_of
from .snntorch_modules import OWNER, Parts

MOST_ENTRIES: Final = 2**28  # of a matrix that connectivity of other kinds becomes


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
        padding = _padding(connectivity) if isinstance(connectivity, SumPool2d) else None
        if padding is not None and _fires_for_any(link):
            pool = self.nn.MaxPool2d(connectivity.size, connectivity.stride, padding)
            self.append(name, pool)
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
        while hasattr(self.module, plain):  # a layer, or a method of any module
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
        _ideal(arriving)
        if isinstance(arriving.connectivity, OneToOne) and _is_one(arriving) and bias is None:
            return
        layer = self.convolution(arriving, bias) or self.average(arriving, bias)
        if layer is not None:
            self.append(arriving.name, layer)
            self.shape = arriving.connectivity.output_shape  # type: ignore[attr-defined]
            return
        self.flatten()
        matrix = self.matrix(arriving)
        layer = self.nn.Linear(*matrix.shape, bias=bias is not None)
        self.append(arriving.name, self.fill(layer, matrix.T, bias))
        self.shape = (matrix.shape[1],)

    def matrix(self, projection: Projection) -> NDArray[np.float64]:
        """The weights (n_pre, n_post) of any connectivity."""
        shape = projection.pre.n, projection.post.n
        if math.prod(shape) > MOST_ENTRIES:
            rule = f"would become a matrix of {shape[0]:,} x {shape[1]:,}"
            raise CapacityError(
                f"{OWNER}.network: {projection.name!r} {rule}; at most {MOST_ENTRIES:,} entries are made"
            )
        matrix: NDArray[np.float64] = self.simulator.synapses(projection.name).matrix().toarray()
        return matrix

    def convolution(self, arriving: Projection, bias: Any) -> Any:
        """A convolution; None where synapses are none, or a bias differs within a channel."""
        own, weight = arriving.connectivity, arriving.weight
        if not isinstance(own, Conv2d) or not _as_told(arriving):
            return None
        channels, rows, columns = own.output_shape
        means = None if bias is None else bias.reshape(channels, rows * columns)
        if means is not None and (means != means[:, :1]).any():
            return None
        factor: Any = 1.0 if weight is None else weight
        kernel: Any = np.asarray(own.kernel) * factor
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

    def average(self, arriving: Projection, bias: Any) -> Any:
        """A mean, or a sum that is divided by a whole number; None where synapses are neither."""
        own, weight = arriving.connectivity, arriving.weight
        if not isinstance(own, SumPool2d) or bias is not None or not _as_told(arriving):
            return None
        weight = 1.0 if weight is None else weight
        padding = _padding(own)
        if padding is None or not isinstance(weight, (int, float)) or weight <= 0:
            return None
        divisor = max(round(1 / weight), 1)
        if not math.isclose(divisor * weight, 1.0, rel_tol=1e-12):
            return None
        return self.nn.AvgPool2d(own.size, own.stride, padding, divisor_override=divisor)

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
            if not isinstance(weight, (int, float)) or not _as_told(link.recurrent):
                weight = self.simulator.synapses(link.recurrent.name).matrix().diagonal()
            return {"all_to_all": False, "V": self.parts.tensor(weight, self.shape)}
        if self.slides(link.recurrent):
            kernel: Any = own.kernel  # type: ignore[attr-defined]
            return {"conv2d_channels": self.shape[0], "kernel_size": kernel.shape[2:]}
        self.flatten()
        return {"linear_features": link.population.n}

    def slides(self, projection: Projection) -> bool:
        """Whether snnTorch has this convolution of a layer onto itself."""
        own = projection.connectivity
        if not isinstance(own, Conv2d) or own.output_shape != self.shape:
            return False
        rows, columns = np.shape(own.kernel)[2:]
        half = rows // 2, columns // 2
        same = own.padding in (half, "same") or (own.padding, own.padding) == half
        plain = own.stride in (1, (1, 1)) and own.dilation in (1, (1, 1)) and own.groups == 1
        return plain and same and rows % 2 == columns % 2 == 1 and _as_told(projection)

    def weigh(self, layer: Any, projection: Projection) -> None:
        """Put weights into the synapses of a layer onto itself."""
        own: Any = projection.connectivity
        if isinstance(own, OneToOne):
            return
        if self.slides(projection):
            weight: Any = 1.0 if projection.weight is None else projection.weight
            values = np.asarray(own.kernel) * weight
        else:
            values = self.matrix(projection).T
        self.fill(layer.recurrent, values, np.zeros(values.shape[0]))


def _is_one(projection: Projection) -> bool:
    """Whether every synapse has weight 1."""
    weight = projection.weight
    told = not isinstance(weight, Distribution) and _as_told(projection)
    return told and bool(np.all(np.asarray(weight) == 1.0))


def _as_told(projection: Projection) -> bool:
    """Whether weights act as they were given, not rounded to levels."""
    return isinstance(projection.store, Ideal) and projection.store.bits is None


def _padding(pool: SumPool2d) -> tuple[int, int] | None:
    """Zeros around an image as torch's poolings take them, which is up to half of the window."""
    zeros = []
    for (before, behind), size in zip(pool.zeros, pool.extents, strict=True):
        if before != behind or before > size // 2:
            return None
        zeros.append(before)
    return zeros[0], zeros[1]


def _fires_for_any(link: Link) -> bool:
    """Whether units fire exactly where any spike arrives: the largest of a window."""
    model = link.population.model
    if not isinstance(model, DiscreteLIF) or not isinstance(model.threshold, float):
        return False
    own = link.arriving.weight
    alone = link.recurrent is None and link.bias is None and (own is None or _is_one(link.arriving))
    fields = (model.decay, 0.0), (model.gain, 1.0), (model.offset, 0.0)
    forgets = model.resets == "none" and all(np.all(np.asarray(a) == b) for a, b in fields)
    return bool(alone and forgets and 0 < model.threshold < 1)


def _ideal(projection: Projection) -> None:
    if not isinstance(projection.store, Ideal):
        raise _no_equal(projection, f"a store such as {type(projection.store).__name__}")


def _no_equal(projection: Projection, what: str) -> UnsupportedError:
    return UnsupportedError(
        f"{OWNER}.network: snnTorch has no equal of {what} (got {projection.name!r})"
    )
