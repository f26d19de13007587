"""Models around a kernel of a user's own."""

from dataclasses import dataclass

from potentia.sim.description.neuron import NeuronModel


def model(kernel, *, event=None, **constants):
    """A model around one kernel, with the state v and these constants."""
    parts = {
        "kernel": kernel,
        "state": {"v": "float"},
        "receptors": ("jump",),
        "event": event,
        **constants,
    }
    made = type("Own", (NeuronModel,), {**parts, "constants": lambda self, dt: constants})
    return dataclass(frozen=True, kw_only=True, eq=False)(made)()


def adding(amount):
    def add_step(v, jump, fired):
        v[0] += amount
        return 0

    return add_step


def keyword_step(v, *, fired):
    return 0
