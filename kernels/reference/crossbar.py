"""Reading a crossbar of device pairs, spike by spike or driven with numbers."""

from __future__ import annotations

import numpy as np


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

    Sums what columns conduct. Returns the number of spikes.
    """
    arrived, columns = 0, [np.zeros(0, np.int64)]
    for g, lag in enumerate(lags):
        slot = (step - lag) % len(history)
        for source in history[slot, : history_count[slot]].astype(np.int64):
            segment = source * lags.size + g
            row = slice(begin[segment], end[segment])
            up, down, j = plus[row], minus[row], targets[row]
            np.add.at(column_plus, j, up)
            np.add.at(column_minus, j, down)
            np.add.at(variance, j, noise * noise * (up * up + down * down))
            if excess.size:
                np.add.at(variance, j, excess[row])
            listed[j] = 1
            columns.append(j)
            events[0] += j.size
            activations[0] += j.size > 0 and begin[segment] == first[segment]
        arrived += int(history_count[slot])
    read = np.unique(np.concatenate(columns))
    touched[: read.size] = read
    touched_count[0] = read.size
    return arrived


def drive_step(
    step, sent, lags, first, full_scale, lowest_level, highest_level, errors, full, shares
):
    """Turn what each source sent into the share of its full voltage that drives each row."""
    segments = np.arange(first.size - 1)
    source, lag = np.divmod(segments, lags.size)
    numbers = sent[(step - lags[lag]) % len(sent), source].astype(np.float64)
    empty = np.diff(first.astype(np.int64)) == 0
    numbers[empty] = 0.0
    full[0] = full_scale if full_scale > 0 else np.abs(numbers).max(initial=0.0)
    own = numbers / full[0] if full[0] > 0 else np.zeros_like(numbers)
    own = np.tile(own, len(shares) // segments.size if segments.size else 1)
    if highest_level > 0:
        code = np.clip(np.rint(own * highest_level), lowest_level, highest_level)
        level = (code - lowest_level).astype(np.int64)
        off = errors[np.arange(len(shares)), level] if errors.size else 0.0
        idle = np.resize(empty, len(shares)) | (full[0] == 0)
        own = np.where(idle, 0.0, (code + off) / highest_level)
    shares[:] = own


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

    Sums what columns conduct. Returns how many rows conduct.
    """
    n_rows, rows = first.size - 1, 0
    for segment in range(n_rows):
        row = np.arange(first[segment], first[segment + 1])
        driver = segment + (strips[targets[row]].astype(np.int64) * n_rows if strips.size else 0)
        u = np.broadcast_to(shares[driver], row.shape)
        row, u = row[u != 0], u[u != 0]
        up, down, j = plus[row], minus[row], targets[row]
        np.add.at(column_plus, j, u * up)
        np.add.at(column_minus, j, u * down)
        np.add.at(variance, j, u * u * noise * noise * (up * up + down * down))
        if excess.size:
            np.add.at(variance, j, u * u * excess[row])
        driven[0] += (u * u * (up + down)).sum(dtype=np.float64)
        listed[j] = 1
        events[0] += j.size
        rows += j.size > 0
    activations[0] += rows
    read = np.flatnonzero(listed)
    touched[: read.size] = read
    touched_count[0] = read.size
    return rows


def rescale_step(full, product, receiving):
    """Add ``full[0]`` times what was read (n_post,) to `receiving`, and set it to 0."""
    receiving[:] = receiving + full[0] * product
    product[:] = 0
