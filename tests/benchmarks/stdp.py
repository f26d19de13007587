"""CUBA with plastic excitatory synapses: CPU seconds per biological second on one thread.

The network of the bench `cuba` (Brette et al. 2007, doi:10.1007/s10827-007-0038-6) whose excitatory
synapses, 256,000 at 4000 neurons, follow additive pair STDP, every pair counted, weights clipped to
[0, w_max] with w_max twice the initial weight; amplitudes as in Song, Miller and Abbott (2000),
doi:10.1038/78829. Beside it Brian2 in its fastest mode (C++ standalone) with the same rule and
event-driven traces, if asked for. The ceiling is that of `cuba`, with one more addition at a random
place for every weight that the rule visits: at an arrival, and at a spike of the target.

Ten times as many neurons, with a hundred times as many synapses, run for a tenth of the time on one
thread and on two; the ratio "one thread/two" is that of their wall times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from potentia import Network
from potentia.experiments.balanced_network import EXCITATORY, INHIBITORY, LEAK
from potentia.learning import STDP
from potentia.models import CubaLIF
from potentia.sim import Constant, FixedProbability, Uniform

from ._peers import DT, MOST_NEURONS, OURS, SHORTEST, Race, compare
from .cuba import brian2_group

PEERS = ("brian2",)
Settings = Race
PROBABILITY = 0.02  # of a connection
TAU = 20e-3  # decay of both traces [s]
LARGEST = 2.0  # w_max / initial weight
PLUS, MINUS = 0.005, 1.05  # a_plus / w_max, a_minus / a_plus: Song, Miller and Abbott (2000)
# per event: four fifths of them are excitatory, and their weights visited twice
ADDITIONS = 1 + 2 * 0.8
TIMES = 10  # as many neurons where threads are compared
THREADS = {f"{OURS}, one thread": 1, f"{OURS}, two threads": 2}
SYNAPSES = """
w : volt
dx/dt = -x / tau : volt (event-driven)
dy/dt = -y / tau : volt (event-driven)
"""
ARRIVAL = """
ge_post += w
x += a_plus
w = clip(w - y, 0*volt, w_max)
"""
SPIKE = """
y += a_minus
w = clip(w + x, 0*volt, w_max)
"""


def run(settings: Race, peers: Sequence[str]) -> dict[str, Any]:
    """Measure; return the report of a benchmark."""
    further = {case: larger(settings, threads) for case, threads in THREADS.items()}
    report = compare(__name__, settings, peers, kind="cuba", additions=ADDITIONS, further=further)
    one, two = (row["wall_s"] for row in report["rows"] if row["case"] in further)
    report["ratios"]["one thread/two"] = one / two
    return report


def larger(settings: Race, threads: int) -> Race:
    """The settings of the network on which threads are compared."""
    neurons = min(TIMES * settings.neurons, MOST_NEURONS)
    duration = max(settings.duration / TIMES, SHORTEST)
    return settings.model_copy(
        update={"neurons": neurons, "duration": duration, "threads": threads}
    )


def network(settings: Race) -> Network:
    """The network, spikes recorded."""
    net = Network(seed=settings.seed)
    n_exc = round(0.8 * settings.neurons)
    start = {"v": Uniform(0.0, 10e-3)}
    exc = net.population(CubaLIF(), n_exc, name="exc", initial=start)
    inh = net.population(CubaLIF(), settings.neurons - n_exc, name="inh", initial=start)
    scale = 4000 / settings.neurons  # the same mean input at any size
    weight = EXCITATORY * scale
    w_max = LARGEST * weight
    rule = STDP(
        tau_plus=TAU, tau_minus=TAU, a_plus=PLUS * w_max, a_minus=MINUS * PLUS * w_max, w_max=w_max
    )
    for target in (exc, inh):
        net.connect(exc, target, FixedProbability(PROBABILITY), weight=weight, delay=DT, rule=rule)
        net.connect(inh, target, FixedProbability(PROBABILITY), weight=INHIBITORY * scale, delay=DT)
        net.stimulate(target, Constant(LEAK))
        net.probe(target, "spikes")
    return net


def brian2_parts(b: Any, settings: Race) -> list[Any]:
    """The same network in Brian2."""
    group, names = brian2_group(b, settings)
    w_max = LARGEST * names["we"]
    names |= {
        "tau": TAU * b.second,
        "w_max": w_max,
        "a_plus": PLUS * w_max,
        "a_minus": MINUS * PLUS * w_max,
    }
    excite = b.Synapses(
        group,
        group,
        SYNAPSES,
        on_pre=ARRIVAL,
        on_post=SPIKE,
        namespace=names,
        delay={"pre": DT * b.second},
        name="excite",
    )
    inhibit = b.Synapses(
        group, group, on_pre="gi += wi", namespace=names, delay=DT * b.second, name="inhibit"
    )
    excite.connect("i < n_exc", p=PROBABILITY)
    inhibit.connect("i >= n_exc", p=PROBABILITY)
    excite.w = "we"
    return [group, excite, inhibit, b.SpikeMonitor(group, name="monitor")]
