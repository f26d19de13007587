"""Exact gradients of what the event engine computes, for leaky units under exponential currents.

A spike falls where the potential meets the threshold, v(t) = threshold, so its time moves by -dv/v'
when something moves the potential there by dv. All that follows from a spike depends on its time
alone: the potential restarts from the reset. Going back in time, a unit therefore carries three
numbers, the derivatives of the loss with respect to its potential and its two currents, which obey
the transposed equations of the unit:

    tau lv' = lv,   tau_x lx' = lx - (tau_x / tau) lv.

An arrival of weight w at time a at the current x has dL/dw = lx(a) and dL/da = w (lx/tau_x -
lv/tau)(a); a delay has the gradient of its arrivals, and a spike collects that of all its arrivals.
In between nothing happens to the three numbers, so they are kept at a unit's *marks* alone and
worked out in closed form wherever something arrives: no queue is needed on the way back
(Wunderlich and Pehle 2021, doi:10.1038/s41598-021-91786-z; delays: Goeltz et al. 2024,
arXiv:2404.19165).
"""

import math
from typing import Any, NamedTuple

from numba import njit

from .caching import kernel
from .event_crossing import response
from .event_marks import LOOK, RELEASE, Sample, mark_from, replay
from .event_queue import NEVER, TICKS, later


class Gradients(NamedTuple):
    """Derivatives of the loss, added to.

    weight, delay (n_synapses,); arrival (n_arrivals,), of the times of listed input.
    """

    weight: Any
    delay: Any
    arrival: Any


@kernel
def _back(cells, marks, unit, m, time):
    """The derivatives at a time from the last mark before `m` up to it: of potential and currents.

    They are 0 behind the last mark.
    """
    if m == marks.begin[unit + 1]:
        return 0.0, 0.0, 0.0
    wait = (marks.time[m] - time) / TICKS
    tau, tau_first, tau_second = cells.tau[unit], cells.tau_first[unit], cells.tau_second[unit]
    first = marks.l_first[m] * math.exp(-wait / tau_first)
    second = marks.l_second[m] * math.exp(-wait / tau_second)
    if marks.lv[m] == 0.0 or marks.clamped[m]:
        return 0.0, first, second
    decay = math.exp(-wait / tau)
    first += marks.lv[m] * response(wait, decay, tau, tau_first)
    second += marks.lv[m] * response(wait, decay, tau, tau_second)
    return marks.lv[m] * decay, first, second


@kernel
def _finish(cells, marks, unit, looks):
    """Work out the last mark of a unit that is not worked out yet."""
    marks.low[unit] -= 1
    m = marks.low[unit]
    k = marks.index[m]
    if cells.relay[unit]:
        marks.lv[m] = marks.gained[k]
        return
    lv, marks.l_first[m], marks.l_second[m] = _back(cells, marks, unit, m + 1, marks.time[m])
    rise = cells.drive[unit] + marks.first[m] + marks.second[m]  # tau v' + v
    if marks.kind[m] == LOOK:
        marks.lv[m] = 0.0 if marks.clamped[m] else lv + looks[k]
    elif marks.kind[m] == RELEASE:
        marks.gained[k] -= lv * (rise - cells.reset[unit]) / cells.tau[unit]
        marks.lv[m] = 0.0
    else:
        # a unit that begins at threshold fires at once, whatever moves
        slope = (rise - cells.threshold[unit]) / cells.tau[unit]
        marks.lv[m] = -marks.gained[k] / slope if marks.time[m] > 0 else 0.0


@kernel
def _arrival(cells, marks, unit, variable, time, weight, looks):
    """The derivatives of the loss with respect to the weight and the time of an arrival."""
    m = mark_from(marks, unit, time)
    while marks.low[unit] > m:
        _finish(cells, marks, unit, looks)
    if m == marks.begin[unit + 1]:
        return 0.0, 0.0
    if cells.relay[unit]:
        # arrivals that meet in one spike share its derivative: together they move it
        return 0.0, marks.lv[m] / marks.v[m] if marks.time[m] == time else 0.0
    lv, first, second = _back(cells, marks, unit, m, time)
    own, tau = (first, cells.tau_first[unit]) if variable == 1 else (second, cells.tau_second[unit])
    return own, weight * (own / tau - lv / cells.tau[unit])


@kernel
def _spread(cells, paths, sample, marks, k, looks, gradients):
    """Collect at spike `k` the derivatives of all that it brought about in other units."""
    unit = sample.unit[k]
    for c in range(paths.chain_first[unit], paths.chain_first[unit + 1]):
        s, more = paths.chain[c], True
        while more:
            segment = paths.segment[s]
            time = later(sample.time[k], segment.delay)
            variable = paths.variable[segment.projection]
            for synapse in range(segment.first, segment.end):
                by_weight, by_time = _arrival(
                    cells,
                    marks,
                    paths.target[synapse],
                    variable,
                    time,
                    paths.weight[synapse],
                    looks,
                )
                gradients.weight[synapse] += by_weight
                gradients.delay[synapse] += by_time
                marks.gained[k] += by_time
            more = segment.more != 0
            s += 1


@kernel
def _collect(cells, paths, sample, marks, seen, watching, by_time, looks, gradients):
    """Add the gradients of a loss in one sample."""
    replay(cells, paths, sample, marks, seen, watching)
    for unit in range(marks.low.size):
        marks.low[unit] = marks.begin[unit + 1]
    for k in range(sample.time.size):
        marks.gained[k] = by_time[k]
    for k in range(sample.time.size - 1, -1, -1):
        unit, place = sample.unit[k], marks.place[k]
        _spread(cells, paths, sample, marks, k, looks, gradients)
        while marks.low[unit] > place:
            _finish(cells, marks, unit, looks)
    for a in range(sample.arrival.size):
        arrival = sample.arrival[a]
        if arrival.time < NEVER:
            _, gradients.arrival[a] = _arrival(
                cells,
                marks,
                arrival.unit,
                sample.variable[a],
                arrival.time,
                arrival.weight,
                looks,
            )


class Batch(NamedTuple):
    """What happened in a batch: as `Sample`, one sample behind the other.

    begin (n_samples + 1,): the first spike of each sample; arrival (n_samples, n_arrivals).
    """

    begin: Any
    time: Any
    unit: Any
    arrival: Any
    variable: Any
    look: Any
    watched: Any


@njit(error_model="numpy")
def _of(batch, sample):
    """One sample of a batch."""
    begin, end = batch.begin[sample], batch.begin[sample + 1]
    return Sample(
        batch.time[begin:end],
        batch.unit[begin:end],
        batch.arrival[sample],
        batch.variable,
        batch.look,
        batch.watched,
    )


@njit(error_model="numpy")
def observe(cells, paths, batch, first, stop, marks, seen, watching, looks):
    """Write the potentials [V] at the times of the observations.

    They go to looks (n_samples, n_looks, n_watched), in the samples from `first` to before `stop`.
    seen (n_watched,) scratch; watching (n_units,): see `_mark`.
    """
    for s in range(first, stop):
        sample = _of(batch, s)
        replay(cells, paths, sample, marks, seen, watching)
        for w in range(sample.watched.size):
            unit = sample.watched[w]
            for m in range(marks.begin[unit], marks.begin[unit + 1]):
                if marks.kind[m] == LOOK:
                    looks[s, marks.index[m] // sample.watched.size, w] = marks.v[m]


@njit(error_model="numpy")
def adjoint(
    cells, paths, batch, first, stop, marks, seen, watching, by_time, looks, weight, delay, arrival
):
    """Work out the gradients of a loss in the samples from `first` to before `stop`.

    by_time (n_spikes,): its derivatives with respect to the time of each spike [1/s]; looks
    (n_samples, n_looks * n_watched): those with respect to each observed potential [1/V]. To
    weight, delay (n_synapses,) are added the derivatives, to arrival (n_samples, n_arrivals) are
    written those with respect to the times of listed input.
    """
    for s in range(first, stop):
        own = by_time[batch.begin[s] : batch.begin[s + 1]]
        gradients = Gradients(weight, delay, arrival[s])
        _collect(cells, paths, _of(batch, s), marks, seen, watching, own, looks[s], gradients)
