"""Units that send the number that drives them."""


def rate_source_step(r, jump, drive):
    """Let the units of one population send what drives them; nobody fires.

    r (n,) what is sent; jump (n,) weights that arrive at the end of the step, set to 0 after; drive
    is one number or (n,).
    """
    r[:] = drive + jump
    jump[:] = 0
    return 0
