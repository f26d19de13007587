"""The kernels that work on tensors for whole spans of time, as kernels of one step that change
arrays in place; see `on_tensors`.
"""

from __future__ import annotations

import numpy as np
import torch

from potentia.kernels.torch import convolution, deliver, inputs
from potentia.sim.operators.operator import parameters


def spikes(units, n, dtype="float64"):
    """A batch of one, 1 where a unit fired."""
    sent = np.zeros((1, n), dtype)
    sent[0, units.astype(int)] = 1
    return torch.from_numpy(sent)


def ring(step, given, n, dtype="float64"):
    """What n units sent in the steps of a ring before `step`, and in it (depth + 1, 1, n)."""
    kept = given["history"] if "history" in given else given["sent"]
    rows = [torch.zeros(1, n, dtype=getattr(torch, str(np.dtype(dtype))))]
    for slot in (np.arange(step - 1, step - 1 - len(kept), -1) % len(kept)).tolist():
        if "sent" in given:
            rows.insert(0, torch.from_numpy(kept[slot][None].astype(dtype)))
        else:
            rows.insert(0, spikes(kept[slot, : given["history_count"][slot]], n, dtype))
    return torch.stack(rows)


def deliver_step(step, given):
    lags, receiving, n = given["lags"], given["receiving"], given["end"].size
    sent = ring(step, given, n // lags.size, receiving.dtype)
    first = np.append(given["begin"][:n], given["end"][-1])
    weights = np.broadcast_to(given["weights"], given["targets"].size).astype(receiving.dtype)
    wiring = len(sent) - 1, lags, first, given["targets"], torch.from_numpy(weights)
    deliver.deliver(sent, *wiring, torch.from_numpy(receiving[None, None]))


def plastic_product_step(step, given):
    source, lag = np.divmod(given["segment_post"].astype(np.int64), given["lags"].size)
    sent = ring(step, given, given["sent"].shape[1], given["sent"].dtype)
    incoming = given["first_post"], source, lag, given["synapse_post"]
    receiving, part = given["receiving"].copy(), slice(given["low"], given["high"])
    how = len(sent) - 1, given["lags"], incoming, torch.from_numpy(given["weights"])
    deliver.multiply(sent, *how, torch.from_numpy(receiving[None, None]))
    given["receiving"][part] = receiving[part]


def _convolved(twin):
    """The kernel of a convolution, from what its twin asks for after `sent`."""

    def called(step, given):
        names = parameters(
            {"deliver": convolution._deliver, "multiply": convolution._multiply}[twin]
        )
        n = given["history" if "history" in given else "sent"].shape[1]
        sent = ring(step, given, n, given["receiving"].dtype)[-1 - given["lags"][0]][None]
        room = {"history": np.zeros((1, n), np.uint32), "history_count": np.zeros(1, np.int64)}
        own = given | room | {"lags": np.zeros(1, np.int64)}
        tables = tuple(own[name] for name in names[1:-1])
        getattr(convolution, twin)(sent, tables, torch.from_numpy(given["receiving"][None, None]))

    return called


def _input(twin):
    """The kernel of a stimulus, from that for spans, here of one step."""

    def called(step, given):
        spans = {name: given[name][None] for name in ("receiving", "drive") if name in given}
        own = given | spans | {"start": step}
        twin(**{name: own[name] for name in parameters(twin)})

    return called


SPANS = {
    "deliver_step": deliver_step,
    "plastic_product_step": plastic_product_step,
    "deliver_convolved_step": _convolved("deliver"),
    "convolved_product_step": _convolved("multiply"),
} | {
    twin.__name__: _input(twin)
    for twin in (inputs.spike_train_step, inputs.timed_array_step, inputs.step_current_step)
}
