"""Reading a crossbar of device pairs, spike by spike or driven with numbers."""

import numpy as np
from numba import njit


@njit(error_model="numpy")
def crossbar_read_step(
    step,
    history,
    history_count,
    lags,
    begin,
    end,
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
    """Let every spike that arrives drive its row of cells.

    Sums what the columns conduct. Returns the number of spikes. begin, end (n_rows,), or longer:
    the cells of each row, a (source, lag), that this call reads; first (n_rows + 1,) where all
    cells of the row begin. Of each cell targets (n_cells,) its column, plus, minus its two
    conductances [S], and excess the variance [S^2] of reading both beyond that of a relative error
    `noise`, or none (0,). Over this step: column_plus, column_minus (n_columns,) sums of
    conductances [S] and variance (n_columns,) of their errors [S^2]; touched (n_columns,) uint32
    the columns that were read, touched_count (1,) how many, listed (n_columns,) uint8 whether a
    column is among them. Totals (1,): activations of rows, events (pairs read). A row counts where
    its first cell is read.
    """
    depth, relative, more = history.shape[0], noise * noise, excess.size > 0
    arrived, rows, pairs, count = 0, 0, 0, touched_count[0]
    for g in range(lags.size):
        slot = (step - lags[g]) % depth
        for k in range(history_count[slot]):
            segment = history[slot, k] * lags.size + g
            for s in range(begin[segment], end[segment]):
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
            pairs += end[segment] - begin[segment]
            rows += end[segment] > begin[segment] and begin[segment] == first[segment]
        arrived += history_count[slot]
    touched_count[0] = count
    activations[0] += rows
    events[0] += pairs
    return arrived


@njit(error_model="numpy")
def drive_step(
    step, sent, lags, first, full_scale, lowest_level, highest_level, errors, full, shares
):
    """Turn what each source sent into the share of its full voltage that drives each row.

    shares (n_rows,), 0 for a row without cells: the number over full (1,), which is `full_scale`
    or, where that is 0, the largest magnitude in this step; rounded to levels from lowest_level to
    highest_level, the largest of which is a share of 1, unless highest_level is 0. errors (n_rows,
    levels): of each level of each row's converter, in levels; (0, 0) for none. Where rows go on
    through several arrays beside each other, with converters of their own, both have all rows of
    the first array, then all of the second ... sent: see `send_values_step`; first: see
    `crossbar_read_step`.
    """
    depth, rows = sent.shape[0], first.size - 1
    full[0] = full_scale
    if full_scale <= 0:
        full[0] = 0.0
        for segment in range(first.size - 1):
            if first[segment + 1] > first[segment]:
                row = (step - lags[segment % lags.size]) % depth
                full[0] = max(full[0], abs(np.float64(sent[row, segment // lags.size])))
    shares[:] = 0.0
    for segment in range(rows):
        if first[segment] == first[segment + 1] or full[0] == 0:
            continue
        number = np.float64(sent[(step - lags[segment % lags.size]) % depth, segment // lags.size])
        u = number / full[0]
        code = min(max(np.rint(u * highest_level), lowest_level), highest_level)
        for driver in range(segment, shares.size, rows):
            if highest_level > 0:
                off = errors[driver, np.int64(code - lowest_level)] if errors.size > 0 else 0.0
                u = (code + off) / highest_level
            shares[driver] = u
    return 0


@njit(error_model="numpy")
def crossbar_product_step(
    first,
    targets,
    plus,
    minus,
    excess,
    noise,
    shares,
    strips,
    column_plus,
    column_minus,
    variance,
    listed,
    touched,
    touched_count,
    activations,
    events,
    driven,
):
    """Drive every row with its share of the full voltage.

    Sums what columns conduct. Returns how many rows conduct. Columns sum share * conductance, their
    variance share^2 of that of a cell; driven (1,) totals share^2 * conductance [S]. shares: see
    `drive_step`; strips (n_columns,) uint32: which of the arrays beside each other a column is in,
    (0,) where all have the drivers of the first. The others: see `crossbar_read_step`.
    """
    relative, more, count, rows = noise * noise, excess.size > 0, touched_count[0], 0
    several, n_rows = strips.size > 0, first.size - 1
    for segment in range(n_rows):
        u = shares[segment]
        if u == 0 and not several:
            continue
        begin, end, conducting, pairs = first[segment], first[segment + 1], 0.0, 0
        for s in range(begin, end):
            j = targets[s]
            if several:
                u = shares[strips[j] * n_rows + segment]
                if u == 0:
                    continue
            if listed[j] == 0:
                listed[j] = 1
                touched[count] = j
                count += 1
            up, down = plus[s], minus[s]
            column_plus[j] += u * up
            column_minus[j] += u * down
            variance[j] += u * u * relative * (up * up + down * down)
            if more:
                variance[j] += u * u * excess[s]
            if several:
                driven[0] += u * u * np.float64(up + down)
                pairs += 1
            else:
                conducting += up + down
        if several:
            events[0] += pairs
            rows += pairs > 0
            continue
        driven[0] += u * u * conducting
        events[0] += end - begin
        rows += 1
    touched[:count].sort()
    touched_count[0] = count
    activations[0] += rows
    return rows


@njit(error_model="numpy")
def rescale_step(full, product, receiving):
    """Add ``full[0]`` times what was read (n_post,) to `receiving`, and set it to 0."""
    for j in range(receiving.size):
        receiving[j] += full[0] * product[j]
        product[j] = 0
    return 0
