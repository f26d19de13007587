"""Reading a crossbar of device pairs, spike by spike."""

from __future__ import annotations

import numpy as np


def crossbar_read_step(
    step,
    history,
    history_count,
    lags,
    first,
    targets,
    plus,
    minus,
    excess,
    noise,
    column_plus,
    column_minus,
    variance,
    listed,
    touched,
    touched_count,
    activations,
    events,
):
    """Let every spike that arrives drive its row of cells; sum what columns conduct; return the number of spikes."""
    arrived = 0
    for g, lag in enumerate(lags):
        slot = (step - lag) % len(history)
        for source in history[slot, : history_count[slot]].astype(np.int64):
            segment = source * lags.size + g
            row = slice(first[segment], first[segment + 1])
            up, down, j = plus[row], minus[row], targets[row]
            np.add.at(column_plus, j, up)
            np.add.at(column_minus, j, down)
            np.add.at(variance, j, noise * noise * (up * up + down * down))
            if excess.size:
                np.add.at(variance, j, excess[row])
            listed[j] = 1
            events[0] += j.size
            activations[0] += j.size > 0
        arrived += int(history_count[slot])
    read = np.flatnonzero(listed)
    touched[: read.size] = read
    touched_count[0] = read.size
    return arrived
