"""Reading a crossbar of device pairs, spike by spike."""

from numba import njit


@njit(error_model="numpy")
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
    """Let every spike that arrives drive its row of cells; sum what the columns conduct; return the number of spikes.

    first (n_rows + 1,), where the cells of each row, a (source, lag), begin; of each cell targets (n_cells,) its
    column, plus, minus its two conductances [S], and excess the variance [S^2] of reading both beyond that of a
    relative error `noise`, or none (0,). Over this step: column_plus, column_minus (n_columns,) sums of
    conductances [S] and variance (n_columns,) of their errors [S^2]; touched (n_columns,) uint32 the columns that
    were read, touched_count (1,) how many, listed (n_columns,) uint8 whether a column is among them. Totals (1,):
    activations of rows, events (pairs read).
    """
    depth, relative, more = history.shape[0], noise * noise, excess.size > 0
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
                variance[j] += relative * (up * up + down * down)
                if more:
                    variance[j] += excess[s]
            pairs += end - begin
            rows += end > begin
        arrived += history_count[slot]
    touched_count[0] = count
    activations[0] += rows
    events[0] += pairs
    return arrived
