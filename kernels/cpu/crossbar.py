"""Reading a crossbar of device pairs, spike by spike."""

from numba import njit


@njit(error_model="numpy")
def crossbar_read_step(
    step, history, history_count, lags, first, targets, plus, minus,
    column, square, reads, touched, touched_count, activations, events, conducted,
):  # fmt: skip
    """Let every spike that arrives drive its row; sum what the columns conduct; return the number of spikes.

    plus, minus (n_synapses,) conductances of each pair [S]. column (n_post,) sum of plus - minus [S], square
    (n_post,) sum of plus**2 + minus**2 [S^2], reads (n_post,) uint32 pairs read, all over this step; touched
    (n_post,) uint32 the columns with any, touched_count (1,). Totals (1,): activations of rows, events
    (pairs read), conducted sum of all conductances read [S].
    """
    depth = history.shape[0]
    arrived, rows, pairs, total = 0, 0, 0, 0.0
    for g in range(lags.size):
        slot = (step - lags[g]) % depth
        for k in range(history_count[slot]):
            segment = history[slot, k] * lags.size + g
            begin, end = first[segment], first[segment + 1]
            for s in range(begin, end):
                j = targets[s]
                if reads[j] == 0:
                    touched[touched_count[0]] = j
                    touched_count[0] += 1
                reads[j] += 1
                column[j] += plus[s] - minus[s]
                square[j] += plus[s] * plus[s] + minus[s] * minus[s]
                total += plus[s] + minus[s]
            pairs += end - begin
            rows += end > begin
        arrived += history_count[slot]
    activations[0] += rows
    events[0] += pairs
    conducted[0] += total
    return arrived
