"""Convolutions; `kernels/reference/convolution.py` explains the arguments."""

from .caching import cached


@cached
def list_convolution(
    kernel,
    groups,
    rows_out,
    columns_out,
    row_first,
    row_place,
    row_tap,
    column_first,
    column_place,
    column_tap,
    sources,
    targets,
    weights,
):
    """List all synapses in order of (source, target)."""
    height, width = row_first.size - 1, column_first.size - 1
    own_out, own_in = kernel.shape[0] // groups, kernel.shape[1]
    n, source = 0, 0
    for c in range(groups * own_in):
        first_out = c // own_in * own_out
        for y in range(height):
            for x in range(width):
                for o in range(first_out, first_out + own_out):
                    for i in range(row_first[y], row_first[y + 1]):
                        begin = (o * rows_out + row_place[i]) * columns_out
                        for j in range(column_first[x], column_first[x + 1]):
                            sources[n] = source
                            targets[n] = begin + column_place[j]
                            weights[n] = kernel[o, c % own_in, row_tap[i], column_tap[j]]
                            n += 1
                source += 1
