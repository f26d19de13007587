"""Reading a crossbar of device pairs, spike by spike."""

from __future__ import annotations

import numpy as np


def crossbar_read_step(
    step, history, history_count, lags, first, targets, plus, minus,
    column, square, reads, touched, touched_count, activations, events, conducted,
):  # fmt: skip
    """Let every spike that arrives drive its row; sum what columns conduct; return the number of spikes."""
    arrived = 0
    for g, lag in enumerate(lags):
        slot = (step - lag) % len(history)
        for source in history[slot, : history_count[slot]].astype(np.int64):
            segment = source * lags.size + g
            row = slice(first[segment], first[segment + 1])
            up, down, j = plus[row], minus[row], targets[row]
            np.add.at(column, j, up - down)
            np.add.at(square, j, up * up + down * down)
            np.add.at(reads, j, 1)
            conducted[0] += (up + down).sum(dtype=np.float64)
            events[0] += j.size
            activations[0] += j.size > 0
        arrived += int(history_count[slot])
    conducting = np.flatnonzero(reads)
    touched[: conducting.size] = conducting
    touched_count[0] = conducting.size
    return arrived
