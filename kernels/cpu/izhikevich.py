"""Izhikevich's two-variable neuron, delta synapses."""

from .caching import kernel
from .scan import at


@kernel
def izhikevich_step(v, u, jump, drive, fired, dt, quadratic, linear, constant, a, b, c, d, peak):
    """Advance one Izhikevich population by one step (Heun), in place; return the spike count.

    v (n,) potential [V]; u (n,) recovery [V/s]; jump (n,) weights that arrive at the end of the
    step [V], set to 0 after; drive (n,) current [V/s]; fired (n,) uint32 receives the firing
    indices.
    """
    half = v.dtype.type(0.5)
    reached = False
    for i in range(v.shape[0]):
        dv_1 = dt * ((quadratic * v[i] + linear) * v[i] + constant - u[i] + at(drive, i))
        du_1 = dt * (at(a, i) * (at(b, i) * v[i] - u[i]))
        v_1 = min(v[i] + dv_1, at(peak, i))
        u_1 = u[i] + du_1
        dv_2 = dt * ((quadratic * v_1 + linear) * v_1 + constant - u_1 + at(drive, i))
        du_2 = dt * (at(a, i) * (at(b, i) * v_1 - u_1))
        v[i] += half * (dv_1 + dv_2) + jump[i]
        u[i] += half * (du_1 + du_2)
        jump[i] = 0
        reached |= v[i] >= at(peak, i)
    return _scan(v, u, fired, c, d, peak) if reached else 0


@kernel
def _scan(v, u, fired, c, d, peak):
    """Reset every neuron at the peak of its spike; return the count."""
    count = 0
    for i in range(v.shape[0]):
        if v[i] >= at(peak, i):
            v[i] = at(c, i)
            u[i] += at(d, i)
            fired[count] = i
            count += 1
    return count
