"""The kernels on tensors, which leave what they get as it is, as kernels that change arrays in
place: so what is asked of the other rooms is asked of them.
"""

from __future__ import annotations

import numpy as np
import torch

from potentia.kernels import backend
from potentia.kernels.gpu.refractory import listed, spelled
from potentia.kernels.reference.random import uniform
from potentia.kernels.torch.printed import made
from potentia.kernels.torch.surrogate import Spike
from potentia.sim.operators.operator import parameters
from potentia.tests.kernels.spans_on_tensors import SPANS, ring, spikes

RECEPTORS = {"jump", "arrived", "excitatory", "inhibitory"}


def load(name):
    """A room by name, the one on tensors too."""
    return OnTensors() if name == backend.TENSORS else backend.load(name)


class OnTensors:
    """A room whose kernels are called and bound as those of the processor."""

    kernel = staticmethod(backend.load("cpu").kernel)

    def program(self, calls, clockwork, precision):
        return Steps(calls)


class Steps:
    """Calls, in order, once per step; see `kernels/backend.py: Program`."""

    def __init__(self, calls):
        self.calls, self.proposed = calls, []

    def advance(self, step, stop):
        for now in range(step, stop):
            for call in self.calls:
                name = call.kernel.__name__
                if name in SPANS:
                    SPANS[name](now, dict(call.arguments))
                elif "fired" in call.arguments and not name.startswith("trace"):
                    advance(name, now, call)
                else:
                    self.learn(call.kernel, now, call.arguments)
        return stop

    def collect(self):
        """Nothing to do: arrays are up to date."""

    def learn(self, kernel, step, given):
        """A step of a kernel of rules, or of what carries their proposals out."""
        name, own = kernel.__name__, getattr(kernel, "printed", None)
        twin = backend.tensor_kernel(name) if own is None else made(own)
        scope = {key: tensor(value) for key, value in given.items()} | {"step": step}
        if "proposed" in given and name == "program_step":
            scope["changes"] = [*self.proposed, *proposals(given)]
            self.proposed, given["proposed"][0] = [], 0
        if "history" in given:
            scope["arriving"] = arriving(step, given)
        if "begin" in given:
            lengths = given["end"].astype(int) - given["begin"][: given["end"].size]
            scope["segments"] = np.repeat(np.arange(lengths.size), lengths)
            scope["targets"] = np.asarray(given["targets"], np.int64)
        if "segment_post" in given:  # in the order of the targets, and back
            order = np.argsort(given["synapse_post"])
            scope["segments"] = given["segment_post"][order].astype(np.int64)
            targets = np.repeat(
                np.arange(given["first_post"].size - 1), np.diff(given["first_post"].astype(int))
            )
            scope["targets"] = targets[order]
        for fired, count in (("fired", "count"), ("fired_post", "count_post")):
            if fired in given:
                scope[fired] = spikes(given[fired][: given[count][0]], given[fired].size)
        found = twin(**{key: scope[key] for key in parameters(twin)})
        self.proposed += [found.pop("change")] if "change" in found else []
        for key, value in found.items():
            given[key][...] = value[0].numpy()


def advance(name, step, call):
    """A step of a neuron kernel."""
    given, twin = call.arguments, backend.tensor_kernel(name)
    n = given["fired"].size
    scope = {key: tensor(value) for key, value in given.items()} | {"spike": Spike("arctan")}
    if "resting" in given:
        lists = [(given["resting"], given["left"])]
        scope["left"] = torch.from_numpy(spelled(lists))[None]
    if "key" in given:
        drawn = uniform(given["key"], step, given["first_unit"] + np.arange(n))
        scope["chance"] = torch.from_numpy(drawn)[None]
    with torch.no_grad():
        fired, state = twin(**{key: scope[key] for key in parameters(twin)})
    for key, value in state.items():
        if key == "left" and "resting" in given:
            listed(value[0].numpy(), lists)
        else:
            given[key][...] = value[0].numpy()
    for receptor in RECEPTORS & given.keys():
        given[receptor][:] = 0
    units = np.flatnonzero(fired[0].numpy())
    given["fired"][: units.size] = units
    if call.returns is not None:
        call.returns[0] = units.size


def tensor(value):
    """An array (n,) of numbers as a batch of one; all else as it is."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fi":
        return value
    return torch.from_numpy(value[None].copy())


def proposals(given):
    """The changes listed, each for all weights."""
    for k in range(given["proposed"][0]):
        change = np.zeros((1, given["weights"].size), given["change"].dtype)
        change[0, given["synapse"][k]] = given["change"][k]
        yield torch.from_numpy(change)


def arriving(step, given):
    """What each (source, lag) brings (1, n_segments)."""
    lags, segments = given["lags"], given["trace" if "trace" in given else "end"].size
    sent = ring(step, given, segments // lags.size)
    return torch.stack([sent[-1 - lag, 0] for lag in lags], 1).view(1, -1)
