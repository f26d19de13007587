"""What models in discrete time share: whose reset is due, what a reset makes of v, and who fires."""

from ..reference.discrete import AFTER, BEFORE, SPIKE, SUBTRACT, VALUE
from .caching import kernel
from .scan import at


@kernel
def above(v, threshold, inclusive):
    """Whether v is above threshold, or, if `inclusive`, at it."""
    return v >= threshold if inclusive else v > threshold


@kernel
def reset_of(v, threshold, value, resets):
    """What a reset makes of v."""
    if resets == SUBTRACT:
        return v - threshold
    return value if resets == VALUE else v


@kernel
def begun(v, threshold, value, resets, reset_at, inclusive):
    """v at the beginning of a step: reset if that was due and comes first."""
    if reset_at == BEFORE and above(v, threshold, inclusive):
        return reset_of(v, threshold, value, resets)
    return v


@kernel
def ended(moved, v, threshold, value, resets, reset_at, inclusive):
    """`moved`, what decay and input have made of v, reset if that was due and comes last."""
    if reset_at == AFTER and above(v, threshold, inclusive):
        return reset_of(moved, threshold, value, resets)
    return moved


@kernel
def fire(v, fired, threshold, value, resets, reset_at, inclusive):
    """List the units above threshold in `fired`.

    Resets them if that comes with the spike. Returns the count.
    """
    count = 0
    for i in range(v.shape[0]):
        if above(v[i], at(threshold, i), inclusive):
            if reset_at == SPIKE:
                v[i] = reset_of(v[i], at(threshold, i), at(value, i), resets)
            fired[count] = i
            count += 1
    return count


@kernel
def carry(moved, due, threshold, inclusive):
    """v after its step and whether the unit fires.

    What a reset leaves above threshold is carried on. moved: what decay and input have made of v;
    due: whether v was above threshold before. Then it has to exceed the threshold twice to fire.
    """
    if due:
        lower = moved - threshold
        fires = above(lower, threshold, inclusive)
        return (lower if fires else lower + threshold), fires
    fires = above(moved, threshold, inclusive)
    return (moved - threshold if fires else moved), fires
