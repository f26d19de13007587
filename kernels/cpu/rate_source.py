"""Units that send the number that drives them."""

from .caching import kernel
from .scan import at


@kernel
def rate_source_step(r, jump, drive):
    """Let the units of one population send what drives them; nobody fires.

    r (n,) what is sent; jump (n,) weights that arrive at the end of the step, set to 0 after; drive
    is one number or (n,).
    """
    for i in range(r.shape[0]):
        r[i] = at(drive, i) + jump[i]
        jump[i] = 0
    return 0
