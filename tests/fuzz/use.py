"""What is done with whatever a call returned, as a user would."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from potentia import Network, Simulator
from potentia.hardware import (
    Crossbar,
    Device,
    Wires,
)
from potentia.models import LIF
from potentia.sim import (
    AllToAll,
    Connectivity,
    Distribution,
    NeuronModel,
    Rule,
    SpikeTrain,
    Stimulus,
    Store,
)
from potentia.sim.description.convolution import Sliding


def plain(made: Any) -> None:
    """Raise TypeError where a description keeps a number or a text of another library than Python
    or NumPy's arrays.
    """
    if not is_dataclass(made) or isinstance(made, type):
        return
    for own in fields(made):
        value = getattr(made, own.name)
        foreign = isinstance(
            value, (np.generic, np.ma.MaskedArray, torch.Tensor, Fraction, Decimal)
        )
        if foreign or (
            isinstance(value, np.ndarray) and (value.ndim == 0 or value.dtype.kind not in "iuf")
        ):
            raise TypeError(f"{type(made).__name__}.{own.name} keeps a {type(value).__name__}")


def use(made: Any) -> None:
    """Do with an object what it is made for, for a few steps."""
    plain(made)
    if type(made).__module__.startswith("potentia"):
        str(made)
    net = Network()
    if isinstance(made, NeuronModel):
        cells = net.population(made, 3)
        net.stimulate(cells, SpikeTrain([1e-3], [0], 1e-3))
        _run(net)
        if made.event is not None:
            Simulator(net, engine="event").run(2e-3)
    elif isinstance(made, Stimulus):
        net.stimulate(net.population(LIF(), 3), made)
        _run(net)
    elif isinstance(made, (Connectivity, Distribution, Store, Rule)):
        _joined(net, made)
    elif isinstance(made, Device):
        made.read(made.aged(made.write(np.full(3, made.full), 1), 10.0, 1), 2)
        _joined(net, Crossbar(made))
    elif isinstance(made, Wires):
        made.currents(np.full((3, 3), 1e-5), np.ones(3))
    elif isinstance(made, Network):
        _run(made)
    elif isinstance(made, Simulator):
        made.run(made.plan.dt if hasattr(made.plan, "dt") else 1e-3)
    elif isinstance(made, torch.nn.Module) and hasattr(made, "in_features"):
        made(torch.zeros(1, made.in_features, dtype=made.weight.dtype))


def _run(net: Network) -> None:
    Simulator(net, dt=1e-4).run(1e-3)


def _joined(net: Network, part: Any) -> None:
    """Run a network whose projection has this part."""
    n = 27 if hasattr(part, "pre_cells") else 3
    cells = net.population(LIF(), n)
    net.stimulate(cells, SpikeTrain([1e-3], [0], 20e-3))
    connectivity = part if isinstance(part, Connectivity) else AllToAll()
    weight = part if isinstance(part, Distribution) else None if hasattr(part, "matrix") else 1e-3
    own = (
        {"store": part}
        if isinstance(part, Store)
        else {"rule": part}
        if isinstance(part, Rule)
        else {}
    )
    pre = post = cells
    if isinstance(part, Sliding):
        pre = net.population(LIF(), part.convolution.n_pre)
        post = net.population(LIF(), part.convolution.n_post)
    net.connect(pre, post, connectivity, weight=weight, **own)
    _run(net)
