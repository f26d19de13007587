"""Good arguments for every public call, by the names of parameters, and what is done with what
comes of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from potentia import Network, Result, Simulator
from potentia.hardware import (
    BreakdownReRAM,
    Cost,
    MultilevelCell,
    Part,
    Polynomial,
    digital_joules,
)
from potentia.learning import STDP, EventProp, EventSpikes, Readout, TrainedReadout
from potentia.models import LIF
from potentia.models.bridges import from_snntorch
from potentia.sim import (
    AllToAll,
    BatchResult,
    Connections,
    EventTrace,
    FastSigmoid,
    Samples,
    SpikeCount,
    Spikes,
    SpikeTrain,
)

from .specimens import (
    batch,
    exact_network,
    fresh,
    graph,
    network,
    plain_network,
    ran,
    recorded,
    result,
    saved,
    settings,
    snntorch_module,
)


@dataclass(frozen=True)
class Of:
    """An argument that is made anew for every call, from the object whose method is called (None
    for others).
    """

    make: Callable[[Any], Any]


def _instance_of_records() -> dict[type, Callable[[], Any]]:
    return {
        Network: network,
        Simulator: lambda: Simulator(network(), dt=1e-3),
        Result: result,
        BatchResult: lambda: Simulator(network(), dt=1e-3).run(5e-3, batch=2),
        Connections: lambda: ran()[0].synapses("synapses"),
        Spikes: lambda: result().spikes("cells"),
        Samples: lambda: result().samples("cells", "v"),
        EventProp: lambda: EventProp(exact_network(), 20e-3),
        EventSpikes: lambda: EventProp(exact_network(), 20e-3).forward(),
        TrainedReadout: lambda: Readout(n_steps=2).fit([[0.0], [1.0], [2.0]], [0, 1, 1]),
        Cost: lambda: digital_joules("synapses", 5, 9),
        Part: lambda: digital_joules("synapses", 5, 9).parts[0],
    }


def instance(kind: type) -> Any:
    """An object whose methods are called."""
    made = _instance_of_records().get(kind)
    if made is not None:
        return made()
    own = CALLS.get(kind.__name__, {})
    needed = [
        p.name
        for p in inspect.signature(kind).parameters.values()
        if p.default is p.empty and p.kind != p.VAR_KEYWORD
    ]
    values = {key: own.get(key, NAMES.get(key)) for key in {*needed, *own}}
    return kind(
        **{
            key: value.make(None) if isinstance(value, Of) else value
            for key, value in values.items()
        }
    )


CELL: dict[str, Any] = {
    "g_min": 1e-6,
    "g_max": 1e-4,
    "read_noise": 0.01,
    "unit": 1e-6,
    "programming": Polynomial(coefficients=(0.01,)),
}
G = np.array([1e-5, 2e-5, 3e-6])


def lowered(w, y, a_minus):
    """The kernel of a rule at events."""
    return w - a_minus * y


def followed(v_post):
    """What an average follows."""
    return v_post


NAMES: dict[str, Any] = {
    "n": 3,
    "n_pre": 3,
    "n_post": 3,
    "key": 7,
    "recurrent": False,
    "seed": 3,
    "name": "fresh",
    "rate": 1000.0,
    "duration": 5e-3,
    "value": 18e-3,
    "values": [[1.0, 2.0, 3.0]],
    "p": 0.5,
    "k": 2,
    "shape": (3, 3, 3),
    "mean": 1.0,
    "sd": 0.1,
    "sigma": 0.5,
    "low": 0.0,
    "high": 1.0,
    "options": (1.0, 2.0),
    "sources": [0, 1],
    "targets": G,
    "matrix": np.eye(3),
    "std": 1e-3,
    "times": [0.0, 1e-3],
    "interval": 1e-3,
    "x": [0, 1],
    "y": [0, 0],
    "t": [0.0, 1e-3],
    "width": 1e-3,
    "units": [0, 2],
    "device": Of(lambda _: BreakdownReRAM()),
    "conductances": Of(lambda _: G.copy()),
    "seconds": 10.0,
    "cycles": 100.0,
    "rows": 3,
    "columns": 2,
    "weights": [[1.0, -1.0]],
    "g_min": 1e-6,
    "g_max": 1e-5,
    "plus": np.ones((1, 3, 3)) * 1e-5,
    "minus": np.ones((1, 3, 3)) * 1e-6,
    "scale": 1e5,
    "voltages": [0.1, 0.2, 0.3],
    "cotangents": [1.0, 1.0, 1.0],
    "r_word": 1.0,
    "r_bit": 1.0,
    "audio": np.sin(np.arange(400) / 3),
    "envelope": [0.1, 0.2],
    "features": [[0.0], [1.0], [2.0]],
    "labels": [0, 1, 1],
    "coefficients": (1.0, 2.0),
    "offset": 1.0,
    "slope": 0.5,
    "factor": 2.0,
    "exponent": 0.5,
    "edge": 1.0,
    "below": Polynomial(coefficients=(1.0,)),
    "share": 0.5,
    "median": 0.1,
    "above": Polynomial(coefficients=(2.0,)),
    "t0": 1.0,
    "unit": 1e-6,
    "amplitude": Polynomial(coefficients=(0.01,)),
    "read_time": 1e-6,
    "occupancy": 0.5,
    "shift": 0.1,
    "sd_growth": 0.1,
    "fails_to": "rest",
    "source": "a paper",
    "path": "saved",
    "population": "cells",
    "variable": "v",
    "target": "cells",
    "what": "v",
    "projection": "synapses",
    "signal": [0.0, 1.0, 0.0],
    "step": 0.3,
    "rates": [100.0, 200.0],
    "events": 5.0,
    "n_synapses": 9,
    "operations": 10.0,
    "spikes": Of(lambda _: result().spikes("cells")),
    "results": Of(lambda _: [result()]),
    "result": Of(lambda _: result()),
    "tiles": Of(lambda _: np.zeros((1, 1, 4, 4))),
    "in_features": 3,
    "out_features": 2,
    "means": {"a": 0.5},
    "samples": Of(lambda _: result().samples("cells", "v")),
    "figure": Of(lambda _: result().plot()),
}
CALLS: dict[str, dict[str, Any]] = {
    "Network.population": {"model": Of(lambda _: LIF()), "initial": {"v": 0.01}},
    "Network.connect": {
        "pre": Of(lambda net: net.populations[0]),
        "post": Of(lambda net: net.populations[0]),
        "weight": 1e-3,
        "connectivity": Of(lambda _: AllToAll()),
    },
    "Network.stimulate": {
        "population": Of(lambda net: net.populations[0]),
        "stimulus": Of(lambda _: SpikeTrain()),
    },
    "Network.probe": {"target": Of(lambda net: net.populations[0]), "what": "resting"},
    "to_nir": {"network": Of(lambda _: plain_network()), "spike": "one", "dt": 1e-3},
    "from_snntorch": {"module": Of(lambda _: snntorch_module())},
    "to_snntorch": {"network": Of(lambda _: from_snntorch(snntorch_module()))},
    "run_steps": {
        "simulator": Of(lambda _: Simulator(from_snntorch(snntorch_module()), dt=1e-3)),
        "x": np.ones((4, 3)),
    },
    "from_nir": {
        "source": Of(lambda _: graph()),
        "scheme": "euler",
        "dt": 1e-3,
        "reset": "value",
        "reset_at": "spike",
        "spike": "one",
        "edges": "layers",
        "inputs": "numbers",
        "start": "zero",
    },
    "NirGraph": {"nodes": Of(lambda _: graph().nodes), "edges": Of(lambda _: graph().edges)},
    "NirGraph.from_dict": {"data": Of(lambda _: graph().to_dict())},
    "NirNode": {"type": "Scale", "parameters": {"scale": [1.0, 2.0]}},
    "Simulator": {"network": Of(lambda _: network())},
    "Simulator.load": {"path": Of(lambda _: saved())},
    "Simulator.weights": {"projection": Of(lambda sim: sim.network.projections[0])},
    "Simulator.synapses": {"projection": "synapses"},
    "Simulator.projection": {"wanted": "synapses"},
    "Simulator.reset": {"keep": "weights"},
    "Simulator.set": {"part": "cells", "v": 5e-3, "threshold": 12e-3},
    "Simulator.stimulate": {
        "part": "drive",
        "stimulus": Of(lambda _: SpikeTrain([2e-3], [1], 20e-3)),
    },
    "Simulator.run_until": {
        "condition": Of(lambda _: SpikeCount("cells", 1)),
        "most": 5e-3,
        "every": 1e-3,
    },
    "Residual": {"population": "cells", "variable": "v", "below": 1.0},
    "SpikeCount": {"population": "cells", "least": 1},
    "FromSparse.reweighted": {"weights": [1.0, 2.0, 3.0]},
    "Simulator.module": {
        "self": Of(lambda _: Simulator(network(), dt=1e-3, backend="torch")),
        "train": ["synapses", "cells.tau"],
        "surrogate": {"cells": FastSigmoid()},
        "checkpoint": 2,
    },
    "Simulator.product": {"projection": "synapses", "x": [1.0, 0.0, -1.0]},
    "Result.load": {"path": Of(lambda _: recorded())},
    "BatchResult.save": {"path": Of(lambda _: fresh("save"))},
    "BatchResult.load": {"path": Of(lambda _: batch())},
    "Result.of": {"records": Of(lambda _: result())},
    "Result.save": {"path": Of(lambda _: fresh("save"))},
    "EventKernels": {
        "flow": "lif_flow",
        "next": "lif_next",
        "state": ("v",),
        "receives": {"jump": "v"},
    },
    "Choice.cdf": {"x": [0.5, 1.5]},
    "Uniform.cdf": {"x": [0.5, 1.5]},
    "Normal.cdf": {"x": [0.5, 1.5]},
    "LogNormal": {"median": 0.1},
    "LogNormal.cdf": {"x": [0.5, 1.5]},
    "Choice.quantile": {"p": [0.5]},
    "Uniform.quantile": {"p": [0.5]},
    "Normal.quantile": {"p": [0.5]},
    "LogNormal.quantile": {"p": [0.5]},
    "Choice.levels": {"n": 4},
    "DistanceDependent.edges": {"n_pre": 27, "n_post": 27},
    "Explicit": {"targets": [1, 0]},
    "ScaleFree": {"m": 1},
    "ScaleFree.edges": {"recurrent": True},
    "SmallWorld.edges": {"recurrent": True},
    "Conv1d": {"kernel": [[[1.0, 2.0]]], "input_shape": (1, 4)},
    "Conv2d": {"kernel": np.ones((2, 1, 2, 2)), "input_shape": (1, 3, 3)},
    "SumPool2d": {"size": 2, "input_shape": (1, 4, 4)},
    **{
        f"{kind}.{name}": {"n_pre": n_pre, "n_post": n_post}
        for kind, n_pre, n_post in (("Conv1d", 4, 3), ("Conv2d", 9, 8), ("SumPool2d", 16, 4))
        for name in ("edges", "rows", "expected")
    },
    "Conv1d.reweighted": {"weights": np.arange(6.0)},
    "Conv2d.reweighted": {"weights": np.arange(32.0)},
    "SumPool2d.reweighted": {"weights": np.arange(16.0)},
    "Events": {"p": [0, 1], "width": 2, "height": 1},
    "SpikeTrain": {"times": [0.0, 1e-3], "ids": [0, 1]},
    "Step": {"values": [1.0, 2.0]},
    "TimedArray": {"values": [1.0, 2.0]},
    "SpikeTimes": {"times": [0.0, 1e-3], "ids": [0, 1]},
    "PiecewiseConstant": {"values": [[1.0], [2.0]]},
    "Spikes": {"times": np.array([1e-3]), "ids": np.array([0]), "start": 0.0, "stop": 1e-2},
    **{
        f"Cochlea.{name}": {"rate": 8000.0}
        for name in ("bands", "energies", "envelope", "rates", "spikes")
    },
    "encode_latency": {"values": [0.5, 1.0]},
    "weight_matrix": {"weights": np.eye(3)},
    "weight_histogram": {"weights": G},
    "raster": {"spikes": Of(lambda _: result().spike_records)},
    "rates": {"spikes": Of(lambda _: result().spike_records)},
    "save": {"path": Of(lambda _: fresh("figure.png"))},
    "get": {"name": "breakdown-taox"},
    "load": {"name": "balanced-network"},
    "read_settings": {"name": "x", "model": Of(lambda _: settings()), "texts": []},
    "EventTrace": {"side": "pre", "tau": 20e-3},
    "Trace": {"side": "pre", "tau": 20e-3},
    "Eligibility": {"tau": 20e-3},
    "InhibitorySTDP": {"gain": 1e-3, "w_max": 1.0},
    "Average": {"side": "post", "tau": 20e-3, "of": followed},
    "run_dense": {
        "rule": STDP(w_max=1.0),
        "weights": np.full((3, 2), 0.5),
        "arrivals": np.ones((4, 3, 2), bool),
        "spikes": np.ones((4, 2), bool),
        "dt": 1e-3,
    },
    "Rules": {"rules": (STDP(), STDP(tau_plus=5e-3))},
    "EventRule": {
        "arrival": lowered,
        "traces": {"y": EventTrace(side="post", tau=20e-3)},
        "constants": {"a_minus": 1e-3},
    },
    "Endurance": {"shape": 1.0},
    "MultilevelCell": CELL,
    "PowerDrift": {
        "mean": Polynomial(coefficients=(0.05,)),
        "sd": Polynomial(coefficients=(0.01,)),
    },
    "LogarithmicRelaxation": {"sd": 0.1},
    "Widening": {"times": (1.0, 10.0), "sds": (Polynomial(coefficients=(0.1,)),) * 2},
    "Tile": {"rows": 4, "columns": 4},
    "Macro40nm": {"rows": 8, "columns": 8},
    "PowerDrift.exponents": {},
    "OffsetColumn.to_weights": {"minus": np.ones((1, 3, 1)) * 1e-6},
    "BitSlicing.to_weights": {
        "plus": np.ones((4, 3, 3)) * 1e-5,
        "minus": np.ones((4, 3, 3)) * 1e-6,
    },
    **{
        f"Wires.{name}": {"conductances": np.ones((3, 3)) * 1e-5}
        for name in ("currents", "effective", "gradient", "potentials")
    },
    "effective_conductance": {"conductances": np.ones((3, 3)) * 1e-5},
    "output_currents": {"conductances": np.ones((3, 3)) * 1e-5},
    "AnalogLinear": {"device": Of(lambda _: MultilevelCell(**CELL))},
    **{
        f"AnalogLinear.{name}": {"x": Of(lambda _: torch.ones(1, 3))}
        for name in ("forward", "read_cells", "calibrate")
    },
    "EventProp": {"network": Of(lambda _: exact_network())},
    "EventProp.forward": {"inputs": {"drive": np.full((2, 3), 1e-3)}},
    **{f"EventSpikes.{name}": {"population": "cells"} for name in ("all", "counts", "first")},
    "AnalogLinear.from_linear": {
        "linear": Of(lambda _: torch.nn.Linear(3, 2)),
        "device": Of(lambda _: MultilevelCell(**CELL)),
    },
    "joules": {
        "simulator": Of(lambda _: ran()[0]),
        "result": Of(lambda _: ran()[1]),
        "projection": Of(lambda _: ran()[0].network.projections[0]),
    },
    "synaptic_events": {
        "simulator": Of(lambda _: ran()[0]),
        "result": Of(lambda _: ran()[1]),
        "projection": Of(lambda _: ran()[0].network.projections[0]),
    },
}
