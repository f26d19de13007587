"""Units that pass on what they receive."""

from .caching import kernel


@kernel
def relay_step(arrived, fired):
    """Fire every unit that something arrived at; arrived (n,) is zeroed; return the spike count."""
    count = 0
    for i in range(arrived.shape[0]):
        if arrived[i] != 0:
            arrived[i] = 0
            fired[count] = i
            count += 1
    return count
