"""Pieces of populations that pause while nothing happens to them: who wakes them, and the rounds of the watch."""

from numba import njit

MARKED = 10  # log2 of the places in memory that share a mark


@njit(error_model="numpy")
def drowse_step(asleep, drowsy, woken_state, woken_flow):
    """Note in drowsy (1,) whether any piece is asleep (n_pieces,) uint8; wipe the marks, which all have read by now.

    Without sleepers nobody makes marks. woken_* (n_marks,) uint8: of each part of memory.
    """
    if drowsy[0]:
        woken_state[:] = 0
        woken_flow[:] = 0
    drowsy[0] = 0
    for k in range(asleep.size):
        drowsy[0] |= asleep[k]
