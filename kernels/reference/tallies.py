"""What threads count for themselves in a step joins one running total."""

from __future__ import annotations


def total_step(part, total):
    """Add part (1,), what one thread has counted in this step, to total (1,), and set it to 0."""
    total[0] += part[0]
    part[0] = 0
    return 0


def most_step(part, most):
    """Raise most (1,) to part (1,), which is then set to 0."""
    most[0] = max(most[0], part[0])
    part[0] = 0
    return 0
