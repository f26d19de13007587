"""Networks from live modules of snnTorch.

Eshraghian et al. (2023), "Training spiking neural networks using lessons from deep learning",
Proceedings of the IEEE 111(9), doi:10.1109/JPROC.2023.3308088.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from ...errors import ParameterError
from ...sim import Network, Population, SpikeTrain, Step, TimedArray
from ...sim import validation as check
from ..discrete_li import DiscreteLI
from ..discrete_lif import DiscreteLIF
from ..spike_source import SpikeSource
from .affine import OWNER, Affine, Shape, average, conv2d, linear, one_to_one, window
from .frameworks import snntorch
from .names import Names
from .snntorch_neurons import MODELS, Neurons, neurons
from .snntorch_order import Layer, order_of

# the population and its stimulus that stand for what a module is given
SOURCE, INPUT = "source", "input"
SILENT: Final = ("Identity", "Dropout", "Dropout2d")  # layers that do nothing when a net is used
KNOWN: Final = (*MODELS, "Linear", "Conv2d", "AvgPool2d", "MaxPool2d", "Flatten", "Unflatten")
AFFINE: Final = {"Linear": linear, "Conv2d": conv2d, "AvgPool2d": average}


def from_snntorch(
    module: Any,
    *,
    dt: float = 1e-3,
    inputs: str = "spikes",
    input_shape: int | Sequence[int] | None = None,
    layers: Sequence[Any] | None = None,
    sample: Any = None,
) -> Network:
    """A network that makes the spikes of a module of snnTorch, step by step.

    Each layer of neurons becomes a population under the name that the layer has in the module ("_"
    for "."), with a probe of its spikes; learned weights, decays and thresholds are those of the
    live module, its states start at 0. Synapses take a step, where layers of snnTorch see each
    other within one: the k-th population behind the input fires k steps later. `run_steps` shifts
    that back.

    Parameters
    ----------
    module : torch.nn.Module
        Of Leaky, RLeaky, Lapicque, Synaptic, RSynaptic, Alpha; Linear, Conv2d, AvgPool2d,
        MaxPool2d (of spikes), Flatten, Unflatten, Dropout and Identity. The last are neurons.
    dt : float
        The step [s] of the simulator that is to run it; to snnTorch a step has no length.
    inputs : "spikes" or "numbers"
        What each step gives to the module: 0 or 1, or any number. The first population is of
        SpikeSource, or of DiscreteLI units that send on their drive; its stimulus "input" is empty.
    input_shape : int or sequence of int, optional
        What a step gives to the module, without batches, such as (1, 28, 28); known without if the
        first layer is Linear, or with a sample.
    layers : sequence of modules or names, optional
        The layers in the order in which the module calls them; an nn.Sequential tells it itself.
    sample : torch.Tensor, optional
        Something to call the module with once, to see that order. What happens between layers must
        be layers too, or change no number, such as flattening.

    Raises
    ------
    ParameterError
        For a layer that is not known or can do what spikes cannot, and for an unknown order.
    DependencyError
        Without torch or snnTorch.
    """
    snntorch(OWNER)
    dt = check.within(OWNER, "dt", dt, above=0.0, unit="s")
    check.one_of(OWNER, "inputs", inputs, ["spikes", "numbers"])
    order = order_of(module, layers, sample)
    if not order.layers:
        raise check.fail(OWNER, "layers", "must name at least one layer", "none")
    for layer in order.layers:
        _check_known(layer)
    shape = _input_shape(input_shape, order.layers[0], order.input_shape)
    walk = _Walk(dt, inputs, shape)
    for layer in order.layers:
        walk.pass_through(layer)
    return walk.finished(order.layers[-1])


class _Walk:
    """Goes through the layers of a module and describes a network.

    pre: the population that was reached last; shape: of what is sent on from there; on_the_way: the
    weights that stand between the two.
    """

    def __init__(self, dt: float, inputs: str, shape: Shape) -> None:
        self.network, self.dt, self.shape = Network(), dt, shape
        spikes = inputs == "spikes"
        model = SpikeSource() if spikes else DiscreteLI(decay=0.0)
        self.pre: Population = self.network.population(model, math.prod(shape), name=SOURCE)
        silence = SpikeTrain([], []) if spikes else TimedArray([[0.0]], dt)
        self.network.stimulate(self.pre, silence, name=INPUT)
        self.names = Names(SOURCE, INPUT)
        self.factor = 1.0
        self.on_the_way: Affine | None = None

    @property
    def lag(self) -> int:
        """By how many steps the population reached last is behind the module."""
        return len(self.network.populations) - 1

    def pass_through(self, layer: Layer) -> None:
        """Add what a layer does."""
        try:
            self.add(type(layer.module).__name__, layer.module, layer.name)
        except ParameterError as error:
            if str(error).startswith(OWNER):
                raise
            told = f"{OWNER}.module: {layer.name!r:.60} cannot be taken over: {error}"
            raise ParameterError(told) from None

    def add(self, kind: str, module: Any, name: str) -> None:
        """Add what a module does."""
        if kind in MODELS:
            self.reach(name, neurons(module, name, self.shape))
        elif kind in AFFINE:
            made = AFFINE[kind](module, name, self.shape)
            self.on_the_way = made if self.on_the_way is None else self.on_the_way.then(made)
            self.shape = made.output_shape
        elif kind == "MaxPool2d":
            self.largest(module, name)
        elif kind in ("Flatten", "Unflatten"):
            self.shape = _reshaped(module, name, self.shape)

    def reach(self, name: str, layer: Neurons) -> None:
        """Add a population, the synapses onto it and its biases."""
        post = self.network.population(
            layer.model, math.prod(self.shape), name=self.names.fresh(name)
        )
        arriving = one_to_one(self.shape) if self.on_the_way is None else self.on_the_way
        self.join(self.pre, post, arriving.scaled(self.factor))
        bias = arriving.bias
        if layer.recurrent is not None:
            self.join(post, post, layer.recurrent.scaled(layer.factor))
            more = layer.recurrent.bias
            bias = more if bias is None else bias if more is None else bias + more
        if bias is not None:  # from the step on that is the module's first
            begins = Step([self.lag * self.dt], bias[None])
            bias_name = self.names.fresh(f"{post.name}_bias")
            self.network.stimulate(post, begins, name=bias_name)
        self.network.probe(post, "spikes")
        self.pre, self.on_the_way, self.factor = post, None, layer.factor

    def join(self, pre: Population, post: Population, arriving: Affine) -> None:
        name = "+".join(arriving.names)
        self.network.connect(
            pre,
            post,
            arriving.connectivity,
            weight=arriving.weight,
            delay=self.dt,
            name=self.names.fresh(name) if name else None,
        )

    def largest(self, module: Any, name: str) -> None:
        """Add units that fire if any of their window did: the largest of spikes."""
        if self.on_the_way is not None or self.pre.model.sends is not None or self.factor <= 0:
            rule = (
                f"{name!r} must come right behind neurons, or spikes given to the module: the largest of currents is "
                "no sum of spikes; put it behind the neurons, or use AvgPool2d"
            )
            raise check.fail(OWNER, "module", rule, "MaxPool2d")
        pool, factor = window(module, name, self.shape), self.factor
        any_of = DiscreteLIF(decay=0.0, threshold=0.5, resets="none")
        joined = Affine(pool, 1.0, None, self.pre.n, pool.output_shape)
        self.shape, self.factor = pool.output_shape, 1.0
        self.on_the_way = joined
        self.reach(name, Neurons(any_of, factor, None))

    def finished(self, last: Layer) -> Network:
        if self.on_the_way is not None or self.lag == 0:
            rule = f"the last layer must be neurons, which {last.name!r} is not"
            raise check.fail(OWNER, "module", rule, type(last.module).__name__)
        return self.network


def _input_shape(given: Any, first: Layer, called_with: Shape | None) -> Shape:
    """The shape of what a step gives to a module, without batches."""
    if given is not None:
        many = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
        return tuple(check.whole(OWNER, "input_shape", extent, least=1) for extent in many)
    if type(first.module).__name__ == "Linear":
        return (first.module.in_features,)
    if called_with is not None:
        image = type(first.module).__name__ in ("Conv2d", "AvgPool2d", "MaxPool2d")
        return called_with[-3:] if image else called_with[1:]
    rule = (
        f"must be given where the first layer is {type(first.module).__name__}, such as (1, 28, 28)"
    )
    raise check.fail(OWNER, "input_shape", rule, given)


def _reshaped(module: Any, name: str, shape: Shape) -> Shape:
    """The shape behind a Flatten or Unflatten, of which the batch is axis 0."""
    try:
        torch_shape = module(_empty(shape)).shape
    except (RuntimeError, IndexError) as error:
        rule = f"{name!r} cannot be called with shape {shape} behind the batch: {error}"
        raise check.fail(OWNER, "module", rule, str(module)) from None
    if torch_shape[0] != 1:
        rule = f"{name!r} must leave axis 0, the batch, as it is"
        raise check.fail(OWNER, "module", rule, str(module))
    return tuple(torch_shape[1:])


def _empty(shape: Shape) -> Any:
    from torch import empty

    return empty((1, *shape), device="meta")


def _check_known(layer: Layer) -> None:
    """Refuse a layer of a type that is not known, or a user's class of the name of one that is."""
    kind, home = type(layer.module).__name__, type(layer.module).__module__
    parts = [f"{layer.name}.{own}" for own, _ in getattr(layer.module, "named_children", list)()]
    if home.startswith("snntorch.") and kind in MODELS:
        return
    if home.startswith("torch.nn.") and kind in (*KNOWN, *SILENT) and kind not in MODELS:
        return
    rule = f"{layer.name!r:.60} is of a type that is not known, which are {', '.join((*KNOWN, *SILENT))}"
    if parts and (kind in ("ModuleList", "ModuleDict") or not home.startswith("torch.")):
        rule += f"; list its parts in their place: layers=[..., {check.listed(parts, 3)}, ...]"
    raise check.fail(OWNER, "module", rule, kind)
