"""The fixed random spiking network of Lin et al. (2025), in software and on devices.

doi:10.1038/s43588-024-00751-z. Every step: u := decay * u + input + recurrent, u = 0 first where
the unit has just spiked; a spike where u > threshold. The recurrent term is what the spikes of the
step before bring. The authors' code holds the parameters but not the model; this reading is that of
later code of the same group (RMAdaptiveMachine): weights are `constant` times a differential
conductance in uS of mean 0 and standard deviation 6.613 (input) and 6.673 (recurrent). What their
"scale" of 100 multiplies is unknown, and no biases are used here.

`LIF` runs this recursion exactly: one step is dt = DT, tau = -dt / ln(decay), no refractory time,
delays of one step, reset to 0, and the next larger float32 as threshold, because LIF spikes at v >=
threshold. Input passes a relay, so everything comes one step later and a run takes n_steps + 1
steps.
"""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from potentia.errors import PotentiaWarning
from potentia.experiments.datasets.frames import Frames
from potentia.experiments.framework.experiment import Context
from potentia.hardware import ADC, BreakdownReRAM, Crossbar, Macro40nm, StuckAt, Wires, joules
from potentia.hardware.cost import Part
from potentia.hardware.devices import presets
from potentia.models import LIF, SpikeSource
from potentia.sim import AllToAll, Network, Normal, Result, Simulator, SpikeTrain
from potentia.sim import validation as check
from potentia.sim.description.parts import Projection

DT: Final = 1e-3  # [s]; only the decay per step matters
BATCH: Final = 250  # recordings per call of the simulator
INPUT_SD: Final = 6.61329  # [uS], of the differential weights in RMAdaptiveMachine
RECURRENT_SD: Final = 6.67268  # [uS]
READ_TIME: Final = 100e-9  # [s] per step, the crossbar's default


@final
@dataclass(frozen=True, kw_only=True)
class Liquid:
    """Parameters of one liquid; `constant` times a differential conductance in uS is a weight."""

    n_inputs: int
    n_steps: int
    decay: float  # of the potential, per step
    threshold: float
    constant: float
    n_neurons: int = 200

    def __post_init__(self) -> None:
        for name in ("n_inputs", "n_steps", "n_neurons"):
            check.keep(self, name, check.whole, least=1)
        check.keep(self, "decay", check.within, above=0.0, below=1.0)
        check.keep(self, "threshold", check.within, above=0.0)
        check.keep(self, "constant", check.within, above=0.0)

    @property
    def model(self) -> LIF:
        """The unit, see the top of this file."""
        strict = float(np.nextafter(np.float32(self.threshold), np.float32(np.inf)))
        return LIF(tau=-DT / math.log(self.decay), threshold=strict, reset=0.0, refractory=0.0)

    @property
    def dense_macs(self) -> int:
        """Multiply-accumulates of a dense evaluation of all steps."""
        return (self.n_inputs + self.n_neurons) * self.n_neurons * self.n_steps


N_MNIST: Final = Liquid(n_inputs=256, n_steps=50, decay=0.9, threshold=5.0, constant=0.07)
N_TIDIGITS: Final = Liquid(n_inputs=64, n_steps=129, decay=0.97, threshold=5.3, constant=0.08)


@final
@dataclass(frozen=True, kw_only=True)
class Imperfections:
    """What is wrong with the crossbars, beside that their cells are random.

    All of it is put into `store`.
    """

    read_noise: float = 0.0  # of one device and reading, relative
    adc_bits: int | None = None  # None: no converter
    r_wire: float = 0.0  # of a segment between two cells [ohm]
    stuck: float = 0.0  # share of cells that ignore writing
    drift_seconds: float = 0.0  # time since writing [s]

    def __post_init__(self) -> None:
        check.keep(self, "read_noise", check.within, least=0.0, most=1.0)
        if self.adc_bits is not None:
            check.keep(self, "adc_bits", check.whole, least=1, most=16)
        check.keep(self, "r_wire", check.within, least=0.0, unit="ohm")
        check.keep(self, "stuck", check.within, least=0.0, below=1.0)
        check.keep(self, "drift_seconds", check.within, least=0.0, unit="s")


PERFECT: Final = Imperfections()
HOUR: Final = 3600.0  # [s]
# of filaments in another oxide: -0.089 uS per e-fold of time, spreading
FILAMENT: Final = presets.cmo_hfox().ageing
AXES: Final[
    dict[str, tuple[float, ...]]
] = {  # what `sweep` varies, each alone: a field of Imperfections
    "read_noise": (0.0, 0.02, 0.05, 0.1, 0.15, 0.2),
    "adc_bits": (3, 4, 5, 6, 8, 10),
    "r_wire": (0.0, 1.0, 2.0, 5.0, 10.0),
    "stuck": (0.0, 0.05, 0.1, 0.2),
    "drift_seconds": (1.0, HOUR, 24 * HOUR, 30 * 24 * HOUR, 365 * 24 * HOUR),
}


def sweep_points() -> Iterator[tuple[str, float, Imperfections]]:
    """Everything that a sweep visits: one imperfection at a time, the others as in PERFECT."""
    for axis, values in AXES.items():
        for value in values:
            change: dict[str, Any] = {axis: value}
            yield axis, value, replace(PERFECT, **change)


class DeviceSettings(BaseModel):
    """The settings of an experiment that say what is wrong with its crossbars.

    rram_noisy has the errors of reading, rram_wired all of them.
    """

    model_config = ConfigDict(extra="forbid")

    read_noise: float = Field(0.02, ge=0, le=1, description="of a device, relative")
    adc_bits: int = Field(8, ge=1, le=16, description="of the converters")
    r_wire: float = Field(1.0, ge=0, description="of a segment of wire in rram_wired [ohm]")
    stuck: float = Field(0.0, ge=0, lt=1, description="share of stuck cells in rram_wired")
    drift_seconds: float = Field(0.0, ge=0, description="since writing, in rram_wired [s]")

    @property
    def liquids(self) -> dict[str, Imperfections | None]:
        """What is compared: name -> imperfections, None for software."""
        names = DeviceSettings.model_fields
        return {
            "software": None,
            "rram": PERFECT,
            "rram_noisy": Imperfections(read_noise=self.read_noise, adc_bits=self.adc_bits),
            "rram_wired": Imperfections(**{name: getattr(self, name) for name in names}),
        }


def cell(imperfections: Imperfections) -> BreakdownReRAM:
    """The device of `store`.

    Half of the cells that are stuck never conduct, the others always do in full. How these cells
    age was not published: `FILAMENT` is an assumption.
    """
    half = imperfections.stuck / 2
    return BreakdownReRAM(
        read_noise=imperfections.read_noise,
        faults=StuckAt(low=half, high=half),
        ageing=FILAMENT if imperfections.drift_seconds else (),
    )


def store(imperfections: Imperfections) -> Crossbar:
    """Pairs of breakdown cells, both formed, with these imperfections.

    This is the one place that builds the crossbars.
    """
    bits, r = imperfections.adc_bits, imperfections.r_wire
    return Macro40nm(device=cell(imperfections)).store(
        adc=None if bits is None else ADC(bits=bits),
        read_time=READ_TIME,
        age=max(imperfections.drift_seconds, 1.0),
        wires=Wires(r_word=r, r_bit=r) if r else None,
    )


def pair_sd(device: BreakdownReRAM) -> float:
    """Standard deviation of plus - minus of two independent cells, both formed [S].

    A cell conducts with probability p a lognormal G of median m and log-deviation s: its variance
    is p m^2 exp(2 s^2) - (p m exp(s^2 / 2))^2; pristine cells count as 0.
    """
    p, m, s = device.broken_share, device.median, device.sigma
    return math.sqrt(2.0 * (p * m**2 * math.exp(2 * s**2) - (p * m * math.exp(s**2 / 2)) ** 2))


def network(liquid: Liquid, seed: int, imperfections: Imperfections | None = None) -> Network:
    """The liquid, in software or on crossbars.

    In software weights are normal; with `imperfections` it is on crossbars of the same spread of
    weights.
    """
    net = Network(seed=seed)
    eye = net.population(SpikeSource(), liquid.n_inputs, name="input")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PotentiaWarning)  # potentials of the recursion are no volts
        pool = net.population(liquid.model, liquid.n_neurons, name="liquid")
    net.stimulate(eye, SpikeTrain(), name="frames")
    for pre, sd in ((eye, INPUT_SD), (pool, RECURRENT_SD)):
        spread = liquid.constant * sd
        if imperfections is None:
            net.connect(pre, pool, AllToAll(), weight=Normal(0.0, spread), delay=DT)
        else:
            device = cell(imperfections)
            magnitude = spread * device.median / pair_sd(device)
            net.connect(
                pre, pool, AllToAll(), weight=magnitude, delay=DT, store=store(imperfections)
            )
    for population in (eye, pool):
        net.probe(population, "spikes")
    return net


@final
@dataclass(kw_only=True)
class Echo:
    """What a liquid made of recordings, and what it took in all.

    counts (n, n_neurons) of spikes.
    """

    counts: NDArray[np.float64]
    input_spikes: int = 0
    parts: list[Part] = field(default_factory=list)

    @property
    def spikes(self) -> int:
        """Spikes of the liquid."""
        return int(self.counts.sum())

    @property
    def events(self) -> float:
        """Synapses passed by spikes: pairs of cells read, or weights read from memory."""
        return sum(part.count for part in self.parts if part.name in ("cell pairs", "weight reads"))

    @property
    def joules(self) -> float:
        """All that has a figure [J]."""
        return sum(part.joules or 0.0 for part in self.parts)


def echo(context: Context, liquid: Liquid, net: Network, frames: Frames, tick: Any) -> Echo:
    """Run every recording of `frames` through the liquid; `tick(n)` after every n of them."""
    simulator = Simulator(net, dt=DT, backend=context.backend, threads=1)
    heard = Echo(counts=np.zeros((len(frames), liquid.n_neurons)))
    costs: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for first in range(0, len(frames), BATCH):
        chosen = range(first, min(first + BATCH, len(frames)))
        trains = [frames.train(k, DT) for k in chosen]
        batch = simulator.run((liquid.n_steps + 1) * DT, inputs={"frames": trains}, progress=False)
        context.record(batch)
        for k, sample in zip(chosen, batch.samples, strict=True):
            heard.counts[k] = sample.spikes("liquid").counts()
            heard.input_spikes += len(sample.spikes("input"))
        for projection in simulator.network.projections:
            _charge(costs, simulator, batch, projection)
        tick(len(chosen))
    heard.parts = [
        Part(
            name=name,
            count=count,
            each=None if math.isnan(energy) else energy / max(count, 1),
            source=source,
        )
        for (name, source), (count, energy) in costs.items()
    ]
    return heard


def watch(context: Context, net: Network, liquid: Liquid, train: SpikeTrain) -> Result:
    """One recording, all spikes kept."""
    simulator = Simulator(net, dt=DT, backend=context.backend, threads=1)
    result: Result = simulator.run(
        (liquid.n_steps + 1) * DT, inputs={"frames": [train]}, progress=False
    )[0]
    return result


def weights_of(net: Network) -> NDArray[np.float64]:
    """All weights of the input projection, as they came to be."""
    simulator = Simulator(net, dt=DT, threads=1)
    weights: NDArray[np.float64] = simulator.weights(simulator.network.projections[0])
    return weights


def _charge(
    costs: dict[tuple[str, str], list[float]],
    simulator: Simulator,
    batch: Any,
    projection: Projection,
) -> None:
    """Add what a projection took in `batch` to `costs`, part by part; NaN where no source tells."""
    for part in joules(simulator, batch, projection).parts:
        total = costs[part.name, part.source]
        total[0] += part.count
        total[1] += math.nan if part.joules is None else part.joules
