"""Reading a crossbar of device pairs, spike by spike."""

from numba import njit


@njit(error_model="numpy")
def crossbar_read_step(
    step, history, history_count, lags, first, targets, plus, minus,
    column_plus, column_minus, square, listed, touched, touched_count, activations, events,
):  # fmt: skip
    """Let every spike that arrives drive its row; sum what the columns conduct; return the number of spikes.

    plus, minus (n_synapses,) conductances of each pair [S]. Over this step: column_plus, column_minus
    (n_post,) their sums [S] and square (n_post,) the sum of their squares [S^2]; touched (n_post,) uint32
    the columns that were read, touched_count (1,) how many, listed (n_post,) uint8 whether a column is among
    them. Totals (1,): activations of rows, events (pairs read).
    """
    depth = history.shape[0]
    arrived, rows, pairs, count = 0, 0, 0, touched_count[0]
    for g in range(lags.size):
        slot = (step - lags[g]) % depth
        for k in range(history_count[slot]):
            segment = history[slot, k] * lags.size + g
            begin, end = first[segment], first[segment + 1]
            for s in range(begin, end):
                j = targets[s]
                if listed[j] == 0:
                    listed[j] = 1
                    touched[count] = j
                    count += 1
                up, down = plus[s], minus[s]
                column_plus[j] += up
                column_minus[j] += down
                square[j] += up * up + down * down
            pairs += end - begin
            rows += end > begin
        arrived += history_count[slot]
    touched_count[0] = count
    activations[0] += rows
    events[0] += pairs
    return arrived
