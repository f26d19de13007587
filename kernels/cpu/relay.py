"""Units that pass on what they receive."""

import numpy as np

from .caching import kernel


@kernel
def relay_step(arrived, merged, counted, fired):
    """Fire every unit that something arrived at; return the spike count.

    arrived (n,), set to 0 after. merged (n,) int64: where `counted` is 1, each arrival has added 1
    to `arrived`, and all but one of a unit's arrivals in this step are counted here, because they
    make no spike of their own.
    """
    count = 0
    for i in range(arrived.shape[0]):
        if arrived[i] != 0:
            if counted and arrived[i] > 1:
                merged[i] += np.int64(arrived[i]) - 1
            arrived[i] = 0
            fired[count] = i
            count += 1
    return count
