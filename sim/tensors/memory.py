"""The state of a network in the clock engine's memory, as tensors and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from ...kernels.gpu.refractory import listed, spelled
from ..operators.signals import Memory
from ..plan.plan import Plan
from .course import LEARNED, PAST, State
from .network import TensorNetwork
from .units import operator_of

LISTED = ("resting", "left")


def read(plan: Plan, network: TensorNetwork, memory: Memory, step: int) -> dict[str, State]:
    """The state of every population as tensors (1, n), at the beginning of `step`.

    Also what projections whose stores count have counted, and under `LEARNED` what rules change.
    """
    found = {}
    for name, units in network.units.items():
        state = {}
        for variable in units.variables:
            if variable == "left" and "resting" in units.population.model.state:
                values: NDArray[np.generic] = spelled(_lists(plan, memory, name))
            else:
                values = memory[f"{name}.{variable}"]
            state[variable] = torch.from_numpy(values[None].copy())
        if units.merges:
            state["merged"] = torch.from_numpy(memory[f"{name}.merged"][None].copy())
        if depth := network.depths[name]:
            state[PAST] = _past(network, memory, name, depth, step)
        found[name] = state
    for name, tallies in network.counting.items():
        found[name] = {
            tally: torch.from_numpy(memory[f"{name}.{tally}"][None].copy()) for tally in tallies
        }
    if network.learned:
        found[LEARNED] = {
            name: torch.from_numpy(memory[name][None].copy()) for name in network.learned
        }
    return found


def write(
    plan: Plan,
    network: TensorNetwork,
    memory: Memory,
    state: Mapping[str, State],
    step: int,
    sample: int = 0,
) -> None:
    """Put the state of one sample, at the beginning of `step`, into memory."""
    for name, units in network.units.items():
        own = {key: value.detach() for key, value in state[name].items()}
        for variable in units.variables:
            values = own[variable][sample].numpy()
            if variable == "left" and "resting" in units.population.model.state:
                lists = _lists(plan, memory, name)
                _empty(*(array for both in lists for array in both))
                listed(values, lists)
            else:
                memory[f"{name}.{variable}"][...] = values
        if units.merges:
            memory[f"{name}.merged"][...] = own["merged"][sample].numpy()
        if depth := network.depths[name]:
            _keep_past(network, memory, name, own[PAST][:, sample].numpy(), depth, step)
    for name, tallies in network.counting.items():
        for tally in tallies:
            memory[f"{name}.{tally}"][...] = state[name][tally][sample].numpy()
    for name in network.learned:
        memory[name][...] = state[LEARNED][name][sample].detach().numpy()


def _empty(*arrays: NDArray[np.generic]) -> None:
    """Leave nothing behind the end of a list, so that a state does not tell how it was reached."""
    for array in arrays:
        array[...] = 0


def _lists(
    plan: Plan, memory: Memory, name: str
) -> list[tuple[NDArray[np.uint32], NDArray[np.int32]]]:
    """The lists of refractory units of every shard of a population."""
    own = operator_of(plan, name)
    resting, left = (memory[f"{name}.{variable}"] for variable in LISTED)
    shards = own.shards or ((0, left.size, 0),)
    return [(resting[low:high], left[low:high]) for low, high, _ in shards]


def _past(network: TensorNetwork, memory: Memory, name: str, depth: int, step: int) -> torch.Tensor:
    """What a population sent in the `depth` steps before `step` (depth, 1, n)."""
    units = network.units[name]
    steps = np.arange(step - depth, step)
    if units.sends is not None:
        sent = memory[f"{name}.sent"]
        return torch.from_numpy(sent[steps % len(sent)][:, None].copy())
    history, counts = memory[f"{name}.history"], memory[f"{name}.history_count"]
    past = torch.zeros((depth, 1, units.population.n), dtype=units.dtype)
    for row, slot in enumerate((steps % len(history)).tolist()):
        past[row, 0, history[slot, : counts[slot]].astype(np.int64)] = 1
    return past


def _keep_past(
    network: TensorNetwork,
    memory: Memory,
    name: str,
    past: NDArray[np.floating],
    depth: int,
    step: int,
) -> None:
    steps = np.arange(step - depth, step)
    if network.units[name].sends is not None:
        sent = memory[f"{name}.sent"]
        _empty(sent)
        sent[steps % len(sent)] = past
        return
    history, counts = memory[f"{name}.history"], memory[f"{name}.history_count"]
    _empty(history, counts)
    for row, slot in zip(past, (steps % len(history)).tolist(), strict=True):
        units = np.flatnonzero(row)
        history[slot, : units.size], counts[slot] = units, units.size
