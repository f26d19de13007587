"""A user's script: make the CUBA network and run it until something fires.

``python -m potentia.tests.benchmarks._first_spike NEURONS`` tells by a line of JSON that it did.
"""

from __future__ import annotations

import sys
import time

from potentia import Network, Simulator
from potentia.models import CubaLIF
from potentia.sim import Constant, FixedProbability, Uniform

LEAK = 11e-3  # [V]


def network(neurons: int, *, weight: float = 1.62e-3, tau: float = 20e-3) -> Network:
    """CUBA (Brette et al. 2007, doi:10.1007/s10827-007-0038-6); excitatory weight [V], time
    constant [s].
    """
    net = Network(seed=1)
    start = {"v": Uniform(0.0, 10e-3)}
    exc = net.population(CubaLIF(tau=tau), round(0.8 * neurons), name="exc", initial=start)
    inh = net.population(
        CubaLIF(tau=tau), neurons - round(0.8 * neurons), name="inh", initial=start
    )
    for target in (exc, inh):
        net.connect(exc, target, FixedProbability(0.02), weight=weight, delay=1e-4)
        net.connect(inh, target, FixedProbability(0.02), weight=-9e-3, delay=1e-4)
        net.stimulate(target, Constant(LEAK))
        net.probe(target, "spikes")
    return net


def run_to_first_spike(simulator: Simulator) -> float:
    """Go on until something fired; when that was [s] of simulated time."""
    while True:
        result = simulator.run(1e-3, progress=False)
        first = min(
            (train.times[0] for train in result.spike_records.values() if len(train)), default=None
        )
        if first is not None:
            return float(first)


if __name__ == "__main__":
    when = run_to_first_spike(Simulator(network(int(sys.argv[1]))))
    cpu = time.process_time()

    import json

    from potentia.tests.benchmarks._measure import peak_mb

    print(json.dumps({"first_spike_s": when, "cpu_s": cpu, "rss_mb": peak_mb()}), flush=True)
