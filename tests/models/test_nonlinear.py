"""Neurons without a closed form: they converge to an independent solver, and they stay finite."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from potentia import Network, Simulator
from potentia.errors import DivergenceError, ParameterError
from potentia.models import LIF, AdEx, CobaLIF, Izhikevich
from potentia.sim import Constant, SpikeTrain

EVENT = 4e-3  # arrival of the input [s], on every grid used
END = 24e-3  # [s]


def adex(t, x, drive):
    m = AdEx()
    v, w, g = x
    upstroke = m.slope * np.exp((min(v, m.peak) - m.onset) / m.slope)
    return [
        (m.rest - v + upstroke - w + g + drive) / m.tau,
        (m.a * (v - m.rest) - w) / m.tau_adaptation,
        -g / m.tau_excitatory,
    ]


def izhikevich(t, x, drive):
    m = Izhikevich()
    v, u = x
    return [4e4 * v * v + 5e3 * v + 140 - u + drive, m.a * (m.b * v - u)]


def coba(t, x, drive):
    m = CobaLIF()
    v, g_e, g_i = x
    pull = g_e * (m.reversal_excitatory - v) + g_i * (m.reversal_inhibitory - v)
    return [(m.rest - v + pull + drive) / m.tau, -g_e / m.tau_excitatory, -g_i / m.tau_inhibitory]


DRIVES = {AdEx: 15e-3, Izhikevich: 3.0, CobaLIF: 5e-3}  # below threshold
START = {AdEx: [AdEx().rest, 0, 0], Izhikevich: [-65e-3, -13.0], CobaLIF: [-60e-3, 0, 0]}
# of the state, at EVENT
KICKS = {
    AdEx: [0, 0, 8e-3],
    Izhikevich: [3e-3, 0],
    CobaLIF: [0, 0.3, 0.5],
}
WEIGHTS = {
    AdEx: {"excitatory": 8e-3},
    Izhikevich: {"jump": 3e-3},
    CobaLIF: {"excitatory": 0.3, "inhibitory": 0.5},
}
SLOPES = {AdEx: adex, Izhikevich: izhikevich, CobaLIF: coba}


def truth(kind, drive=None, crossing=None):
    """The state at END by a Runge-Kutta method of order 8; or the time at which v
    meets `crossing`.
    """
    options = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-14, "args": (drive or DRIVES[kind],)}
    if crossing is None:
        before = solve_ivp(SLOPES[kind], (0, EVENT), START[kind], **options).y[:, -1]
        return solve_ivp(SLOPES[kind], (EVENT, END), before + KICKS[kind], **options).y[:, -1]

    def stop(t, x, drive):
        return x[0] - crossing

    stop.terminal = True
    return solve_ivp(SLOPES[kind], (0, 0.2), START[kind], events=stop, **options).t_events[0][0]


def simulate(kind, dt, backend="cpu", drive=None, event=True, duration=END):
    net = Network()
    cell = net.population(kind(), 1, name="cell")
    net.stimulate(cell, Constant(DRIVES[kind] if drive is None else drive))
    for receptor, weight in WEIGHTS[kind].items() if event else ():
        net.stimulate(cell, SpikeTrain([EVENT], [0], weight), receptor=receptor)
    net.probe(cell, "spikes")
    net.probe(cell, "v", every=duration)
    return Simulator(net, dt=dt, dtype="float64", backend=backend).run(duration)


@pytest.mark.parametrize("kind", [AdEx, Izhikevich, CobaLIF])
def test_second_order(kind):
    """Below threshold the error falls with the square of the step: by 4 each time it is halved."""
    exact = truth(kind)[0]
    errors = [
        abs(simulate(kind, dt).trace("cell", "v")[-1, 0] - exact) for dt in (4e-4, 2e-4, 1e-4, 5e-5)
    ]
    assert errors[-1] < 1e-7
    order = np.log2(np.array(errors[:-1]) / errors[1:])
    assert order[-1] == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize(("kind", "drive"), [(AdEx, 30e-3), (Izhikevich, 10.0), (CobaLIF, 15e-3)])
def test_spike_time_converges(kind, drive):
    """A spike falls on the grid point after the true crossing, plus an error that falls faster than
    dt.
    """
    # from -20 mV an AdEx needs 2 ns more
    height = {AdEx: -20e-3, Izhikevich: 30e-3, CobaLIF: -50e-3}[kind]
    crossing = truth(kind, drive=drive, crossing=height)
    for dt in (1e-4, 2e-5):
        spike = simulate(kind, dt, drive=drive, event=False, duration=0.1).spikes("cell").times[0]
        assert -0.5 * dt < spike - crossing < 2.0 * dt


def test_izhikevich_regular_spiking():
    """The published regular-spiking cell under a step of 10 adapts: its intervals
    grow, then stay.
    """
    spikes = simulate(Izhikevich, 1e-4, drive=10.0, event=False, duration=0.5).spikes("cell")
    intervals = np.diff(spikes.times)
    assert intervals[0] < intervals[-1]
    assert intervals[-1] == pytest.approx(intervals[-2], rel=0.02)
    assert 15 < spikes.rate < 40


def test_adex_rheobase():
    """Without adaptation the AdEx fires for ever above slope + rest - onset, and not below it.

    There the two fixed points of -(v - rest) + slope exp((v - onset) / slope) + drive meet, at v =
    onset.
    """
    model = AdEx(a=0.0, increment=0.0)
    rheobase = model.onset - model.rest - model.slope
    net = Network()
    cells = net.population(model, 2, name="cells")
    net.stimulate(cells, Constant(rheobase * np.array([0.995, 1.005])))
    net.probe(cells, "spikes")
    counts = Simulator(net, dtype="float64").run(1.0).spikes("cells").counts()
    assert counts[0] == 0
    assert counts[1] > 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [AdEx, Izhikevich, CobaLIF])
def test_violent_input_stays_finite(backend, kind, dtype):
    """Kicks of a volt, far up and far down: no overflow, no NaN, no warning, and life goes on."""
    net = Network()
    cells = net.population(kind(), 3, name="cells")
    net.stimulate(cells, Constant(DRIVES[kind] * np.array([0.0, 5.0, 5.0])))
    receptors, scale = kind.receptors, 1.0 if kind is Izhikevich else 100.0
    net.stimulate(cells, SpikeTrain([2e-3, 5e-3], [0, 1], scale), receptor=receptors[0])
    down = scale if kind is CobaLIF else -scale
    net.stimulate(cells, SpikeTrain([8e-3], [2], down), receptor=receptors[-1])
    net.probe(cells, "spikes")
    net.probe(cells, "v")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        result = Simulator(net, dtype=dtype, backend=backend.name).run(0.03)
    assert np.isfinite(result.trace("cells", "v")).all()
    assert (result.spikes("cells").counts()[:2] > 0).all()


def test_what_is_no_number_is_reported(backend):
    """Weights beyond float32 end in one sentence, not in silence."""
    net = Network()
    cells = net.population(LIF(), 2, name="cells")
    net.stimulate(cells, SpikeTrain([1e-3], [1], -1e300))
    with np.errstate(over="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        simulator = Simulator(net, backend=backend.name)
        with pytest.raises(DivergenceError, match=r"cells\.v of unit 1 is"):
            simulator.run(0.01)


def test_too_long_a_step_is_refused():
    net = Network()
    net.population(Izhikevich(), 1)
    with pytest.raises(
        ParameterError, match=r"Simulator.dt: must be <= 0.0005 s \(Izhikevich\) \(got 0.001\)"
    ):
        Simulator(net, dt=1e-3)


def test_exponential_is_right_to_its_last_digits():
    """The vectorising exponential against extended precision, over the whole range and at its
    bounds.
    """
    import numba

    from potentia.kernels.cpu.exponential import exponential

    @numba.njit
    def each(x, y):
        for i in range(x.size):
            y[i] = exponential(x[i])

    for dtype, low, high in ((np.float32, -87, 88), (np.float64, -708, 709)):
        x = np.append(np.linspace(low, high, 20_001), [0.0, 1e-30, 2.0 * low, 2.0 * high]).astype(
            dtype
        )
        y = np.empty_like(x)
        each(x, y)
        exact = np.exp(np.clip(x, low, high).astype(np.longdouble))
        assert np.max(np.abs(y - exact) / np.spacing(exact.astype(dtype))) <= 1.1
        assert y[-4] == 1.0
