"""Units that send the number that drives them."""

from __future__ import annotations

import torch


def rate_source_step(r, jump, drive):
    """Let the units of one population send what drives them; nobody fires.

    r (batch, n) what is sent; jump: weights that arrive at the end of the step; drive is one number
    or (n,).
    """
    return None, {"r": torch.zeros_like(r) + drive + jump}


def rate_source_layer(r, jump, drive, steps, wanted):
    """`rate_source_step` for (time, batch, n) at once; what never changes is not copied."""
    sent = torch.as_tensor(drive, dtype=r.dtype, device=r.device)
    if isinstance(jump, torch.Tensor):
        sent = sent + jump
    sent = sent.expand(steps, *r.shape)
    return sent, {name: sent for name in wanted}, {"r": sent[-1]}
