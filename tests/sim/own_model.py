"""A neuron model of a user's own, in a module that other processes find by its name."""

from dataclasses import dataclass

import numpy as np

from potentia.sim.description.neuron import NeuronModel


def leak_step(v, jump, fired, keeps):
    count = 0
    for i in range(v.size):
        v[i] = keeps * v[i] + jump[i]
        jump[i] = 0
        if v[i] >= 1.0:
            v[i] = 0
            fired[count] = i
            count += 1
    return count


@dataclass(frozen=True, kw_only=True, eq=False)
class Leak(NeuronModel):
    """A leaky integrator that fires at 1."""

    kernel = leak_step
    state = {"v": "float"}  # noqa: RUF012
    receptors = ("jump",)

    def constants(self, dt):
        return {"keeps": np.exp(-dt / 20e-3)}
