"""Exact gradients by events, as in the paper: all units go from event to event, forwards and back.

The arguments are those of `kernels/cpu/event_adjoint.py`, which also tells the equations.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

TICKS = 1e15  # per second
ARRIVAL, SPIKE, RELEASE, LOOK = 0, 1, 2, 3


class Event(NamedTuple):
    """What happens: when [ticks], in which order at one time, what, and to which unit.

    index: the spike, the observation, or of listed input the arrival. An arrival has a state
    variable and a weight; that of a synapse also its number and the spike that it comes from.
    """

    time: int
    order: float
    kind: int
    unit: int
    index: int
    variable: int = 0
    weight: float = 0.0
    synapse: int = -1
    spike: int = -1


def observe(cells, paths, sample):
    """The potentials [V] at the times of the observations (n_looks, n_watched)."""
    looks = np.zeros((sample.look.size, sample.watched.size))
    for event, v, _, _ in _forwards(cells, _events(cells, paths, sample)):
        if event.kind == LOOK:
            looks[event.index] = v[sample.watched]
    return looks


def adjoint(cells, paths, sample, by_time, looks):
    """Derivatives of a loss with respect to weights, delays and the times of input.

    Weights and delays (n_synapses,); the times of the listed input (n_arrivals,). by_time
    (n_spikes,) and looks (n_looks, n_watched): its derivatives with respect to the times of spikes
    and to observed potentials.
    """
    weight, delay = np.zeros(paths.weight.size), np.zeros(paths.weight.size)
    arrival, gained = np.zeros(sample.arrival.size), np.array(by_time, float)
    lv, lx, later = np.zeros(cells.tau.size), np.zeros((2, cells.tau.size)), 0
    for event, _, x, held in reversed(list(_forwards(cells, _events(cells, paths, sample)))):
        lv, lx = _back(cells, lv, lx, (later - event.time) / TICKS)
        later, unit = event.time, event.unit
        rise = cells.drive[unit] + x[:, unit].sum()  # tau v' + v
        if event.kind == ARRIVAL:
            own, by = _arrived(cells, sample, gained, lv, lx, event)
            if event.synapse < 0:
                arrival[event.index] = by
            else:
                weight[event.synapse] += own
                delay[event.synapse] += by
                gained[event.spike] += by
        elif event.kind == LOOK:
            lv[sample.watched] += np.where(held[sample.watched], 0.0, looks[event.index])
        elif event.kind == RELEASE:
            gained[event.index] -= lv[unit] * (rise - cells.reset[unit]) / cells.tau[unit]
            lv[unit] = 0.0
        elif not cells.relay[unit]:
            slope = (rise - cells.threshold[unit]) / cells.tau[unit]
            lv[unit] = -gained[event.index] / slope if event.time > 0 else 0.0
    return weight, delay, arrival


def _arrived(cells, sample, gained, lv, lx, event):
    """The derivatives with respect to the weight and the time of an arrival."""
    unit = event.unit
    if cells.relay[unit]:
        spikes = np.flatnonzero((sample.unit == unit) & (sample.time == event.time))
        return 0.0, float(gained[spikes].sum())
    own = lx[event.variable - 1, unit]
    tau = (cells.tau_first, cells.tau_second)[event.variable - 1][unit]
    return own, event.weight * (own / tau - lv[unit] / cells.tau[unit])


def _events(cells, paths, sample):
    """All events up to the last spike or observation, in order."""
    events: list[Event] = []
    for k, (time, unit) in enumerate(zip(sample.time.tolist(), sample.unit.tolist(), strict=True)):
        events.append(Event(time, k, SPIKE, unit, k))
        if not cells.relay[unit]:
            rest = int(cells.refractory[unit])
            events.append(Event(time + rest, -0.5 if rest else k + 0.5, RELEASE, unit, k))
        for chain in paths.chain[paths.chain_first[unit] : paths.chain_first[unit + 1]].tolist():
            events += _arrivals(paths, chain, k, time)
    for a, (told, variable) in enumerate(zip(sample.arrival, sample.variable, strict=True)):
        time, unit, weight = told.item()
        events.append(Event(time, -1, ARRIVAL, unit, a, int(variable), weight))
    events += [Event(time, math.inf, LOOK, 0, k) for k, time in enumerate(sample.look.tolist())]
    end = max(int(sample.time.max(initial=0)), int(sample.look.max(initial=0)))
    return sorted(event for event in events if event.time <= end)


def _arrivals(paths, s, spike, time):
    """The arrivals of a spike along the chain that begins with segment `s`.

    What has no delay comes after its spike and before those that it causes.
    """
    while True:
        segment = paths.segment[s]
        variable, delay = int(paths.variable[segment["projection"]]), int(segment["delay"])
        order = -1 if delay else spike + 0.25
        for synapse in range(int(segment["first"]), int(segment["end"])):
            unit, weight = int(paths.target[synapse]), float(paths.weight[synapse])
            yield Event(
                time + delay, order, ARRIVAL, unit, synapse, variable, weight, synapse, spike
            )
        if not segment["more"]:
            return
        s += 1


def _forwards(cells, events) -> Any:
    """Each event, potentials (n,) and currents (2, n) at it, and which units are held then (n,)."""
    v, x = cells.v.copy(), np.stack([cells.first, cells.second])
    held, last = np.zeros(v.size, bool), 0
    for event in events:
        v, x = _on(cells, v, x, held, (event.time - last) / TICKS)
        last = event.time
        if event.kind == ARRIVAL and not cells.relay[event.unit]:
            x[event.variable - 1, event.unit] += event.weight
        yield event, v.copy(), x.copy(), held.copy()
        if event.kind in (SPIKE, RELEASE):
            held[event.unit] = event.kind == SPIKE and not cells.relay[event.unit]
            v[event.unit] = cells.reset[event.unit]


def _on(cells, v, x, held, elapsed):
    """Potentials and currents after a while."""
    decay = np.exp(-elapsed / cells.tau)
    free = cells.drive + (v - cells.drive) * decay
    for current, tau in zip(x, (cells.tau_first, cells.tau_second), strict=True):
        free = free + current * _response(elapsed, cells.tau, tau)
    return np.where(held, v, free), x * _decays(cells, elapsed)


def _back(cells, lv, lx, elapsed):
    """Their derivatives before a while, by the transposed equations."""
    taus = (cells.tau_first, cells.tau_second)
    responses = np.stack([_response(elapsed, cells.tau, tau) for tau in taus])
    return lv * np.exp(-elapsed / cells.tau), lx * _decays(cells, elapsed) + lv * responses


def _decays(cells, elapsed):
    return np.exp(-elapsed / np.stack([cells.tau_first, cells.tau_second]))


def _response(elapsed, tau, own):
    """The potential that a current of 1 V has built up after a while, by the textbook."""
    same = np.isclose(tau, own, rtol=1e-6, atol=0.0)
    apart = np.where(same, 2.0 * own, tau)
    usual = (np.exp(-elapsed / own) - np.exp(-elapsed / apart)) / (1 - apart / own)
    return np.where(same, elapsed / tau * np.exp(-elapsed / tau), usual)
