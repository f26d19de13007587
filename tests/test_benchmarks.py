"""What benchmarks do besides measuring: turns, medians, processes of their own, the history.

Nothing is timed.
"""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from potentia import Network, Simulator
from potentia.errors import DependencyError, ParameterError
from potentia.models import LIF, SpikeSource
from potentia.sim import AllToAll, OneToOne, SpikeTrain
from potentia.tests.benchmarks import (
    _ceiling,
    _measure,
    analog,
    coba,
    convolution,
    crossbar,
    cuba,
    delivery,
    devices,
    idle,
    microcircuit,
    startup,
    stdp,
    tensors,
)
from potentia.tests.benchmarks._brian2 import Program
from potentia.tests.benchmarks._case import Case, environment
from potentia.tests.benchmarks._peers import Race, ready

TINY = Race(neurons=100, duration=0.1, warmup=0.01, repeats=1)
ROW_KEYS = {"case", "engine", "cpu_s", "wall_s", "rss_mb"}


def test_cases_take_turns():
    order = []

    def case(name):
        return lambda: (
            order.append(name) or {"cpu_s": float(len(order)), "engine": name, "n": 7, "told": None}
        )

    rows = _measure.take_turns({"a": case("a"), "b": case("b")}, 3)
    assert order == ["a", "b"] * 3
    assert rows == [
        {"case": "a", "cpu_s": 3.0, "engine": "a", "n": 7, "told": None},
        {"case": "b", "cpu_s": 4.0, "engine": "b", "n": 7, "told": None},
    ]


def test_whole_numbers_that_never_change_stay_whole():
    assert repr(_measure.median("a", [{"n": 3}, {"n": 3}])["n"]) == "3"


def test_ratios_are_of_peers_only():
    rows = [{"case": "potentia-float32", "cpu_s": 2.0}, {"case": "peer-double", "cpu_s": 5.0}]
    assert _measure.ratios(rows, rows[0]) == {"peer/ours": 2.5}


def test_events_are_spikes_times_out_degree():
    """Three spikes of sources with 5 targets each, nothing else."""
    net = Network()
    sources, targets = (
        net.population(SpikeSource(), 4, name="a"),
        net.population(LIF(), 5, name="b"),
    )
    net.connect(sources, targets, AllToAll(), weight=1e-6)
    net.stimulate(sources, SpikeTrain([1e-3, 2e-3, 2e-3], [0, 1, 2]))
    simulator = Simulator(net)
    # nothing recorded, nothing known
    assert _measure.activity(simulator, simulator.run(1e-3), 1.0) == {}
    net.probe(sources, "spikes")
    net.probe(targets, "spikes")
    simulator = Simulator(net)
    row = _measure.activity(simulator, simulator.run(0.01), 0.5)
    assert row == pytest.approx(
        {"rate_hz": 3 / 9 / 0.01, "events": 15 / 0.01, "events_per_s": 30.0}
    )
    assert _measure.synapses(simulator) == 20


def test_memory_per_synapse_is_told_only_where_it_can_be():
    def build(n):
        net = Network()
        units = net.population(LIF(), n)
        net.connect(units, units, OneToOne(), weight=1e-3)
        return Simulator(net)

    simulator, row = _measure.built(lambda: build(50), lambda: build(1))
    assert _measure.synapses(simulator) == row["synapses"] == 50
    assert row["bytes_per_synapse"] is None


def test_a_case_runs_in_one_process_of_its_own():
    """Its memory is its own: a block that this process holds does not count."""
    block = np.ones(1 << 26)  # 512 MiB
    with Case(ready, TINY, module=cuba.__name__, dtype="float32") as case:
        rows = [case(), case()]
        assert case._process.pid != os.getpid()
    assert case._process.returncode is not None
    assert block.nbytes / 2**20 > max(row["rss_mb"] for row in rows) > 10
    assert rows[0]["synapses"] == rows[1]["synapses"]


def test_a_case_hands_on_what_went_wrong():
    with (
        Case(ready, TINY, module=cuba.__name__, dtype="float8") as case,
        pytest.raises(ParameterError, match="dtype: must be one of"),
    ):
        case()
    with (
        Case(ready, TINY, module="potentia.no_such", dtype="float32") as case,
        pytest.raises(RuntimeError, match="no_such"),
    ):
        case()


def test_a_program_that_cannot_be_built_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "potentia.tests.benchmarks._brian2.command", lambda *_: [sys.executable, "-c", "1 / 0"]
    )
    with pytest.raises(DependencyError, match="ZeroDivisionError"):
        Program(cuba.__name__, TINY, tmp_path)()


@pytest.mark.parametrize("bench", [cuba, coba, stdp])
def test_benches_beside_a_peer(bench):
    told = bench.run(TINY, [])
    ours, threads = told["rows"][:2], told["rows"][2:]
    assert [row["case"] for row in ours] == ["potentia-float32", "potentia-float64"]
    assert all(row.keys() >= ROW_KEYS for row in told["rows"])
    assert [row["case"] for row in threads] == (list(stdp.THREADS) if bench is stdp else [])
    assert set(told["ratios"]) == ({"one thread/two"} if bench is stdp else set())
    assert told["ceiling_fraction"] > 0


def test_coba_keeps_firing_at_twenty_hertz():
    """Self-sustained by the drive: over seeds the rate is 20.5 Hz, give or take 0.5."""
    simulator = Simulator(coba.network(Race()), threads=1)
    simulator.run(0.2)
    result = simulator.run(1.0)
    rate = sum(len(result.spikes(name)) for name in ("exc", "inh")) / 4000
    assert 18 < rate < 23


def test_stdp_compares_threads_on_one_larger_network():
    """Ten times the neurons make a hundred times the synapses, and threads change no spike."""
    told = stdp.run(TINY, [])
    one, two = (row for row in told["rows"] if row["case"] in stdp.THREADS)
    same = {"synapses", "rate_hz", "events"}
    assert {key: one[key] for key in same} == {key: two[key] for key in same}
    assert one["synapses"] == pytest.approx(100 * told["rows"][0]["synapses"], rel=0.2)
    assert told["ratios"]["one thread/two"] == one["wall_s"] / two["wall_s"]
    most = stdp.larger(Race(neurons=stdp.MOST_NEURONS, duration=0.5), 2)
    assert Race(**most.model_dump()) == most  # within the bounds of the settings
    assert (most.neurons, most.duration, most.threads) == (stdp.MOST_NEURONS, 0.1, 2)


def test_stdp_learns_on_every_excitatory_synapse():
    net = stdp.network(TINY)
    simulator = Simulator(net)
    simulator.run(0.2)
    learned = [part for part in net.projections if part.rule is not None]
    assert {part.pre.name for part in learned} == {"exc"}
    for part in learned:
        weights = simulator.weights(part)
        assert weights.min() >= 0
        assert weights.max() <= part.rule.w_max * (1 + 1e-6)
        assert np.ptp(weights) > 0


@pytest.mark.validate
@pytest.mark.slow
@pytest.mark.parametrize("bench", [cuba, coba, stdp])
def test_the_peer_runs_the_same_network(bench):
    """Both fire alike: rates of one second differ by less than a fifth, many times their spread
    over seeds.
    """
    pytest.importorskip("brian2", reason="brian2 is not installed (extra `validate`)")
    ours, _, theirs = bench.run(Race(duration=1.0, repeats=1), ["brian2"])["rows"][:3]
    assert theirs["rate_hz"] == pytest.approx(ours["rate_hz"], rel=0.2)
    assert theirs["events"] == pytest.approx(ours["events"], rel=0.2)
    assert theirs["synapses"] == pytest.approx(ours["synapses"], rel=0.02)


@pytest.mark.parametrize("drawn", [False, True])
def test_delivery_counts_what_arrives(drawn):
    """Every target gets degree * firing / n events per step: its potential says so."""
    n, degree, firing, steps = 50, 4, 10, 2000
    simulator = delivery.build(1, delivery.spikes(1, n, firing, steps), n, degree, drawn)
    simulator.run(steps * delivery.DT)
    net, model = simulator.network, LIF()
    watched = Network(seed=1)
    watched.populations, watched.projections, watched.inputs = (
        net.populations,
        net.projections,
        net.inputs,
    )
    watched.probe(net.populations[1], "v")
    v = Simulator(watched).run(steps * delivery.DT).trace("targets", "v")[steps // 2 :].mean()
    expected = degree * firing / n * delivery.WEIGHT / (1 - np.exp(-delivery.DT / model.tau))
    assert v == pytest.approx(expected, rel=0.02)  # weights spread by 10 % over 200 synapses: 0.7 %


def test_delivery_reports_the_ceiling_of_every_row():
    settings = delivery.Settings(sizes=[(100, 10)], events=10_000, repeats=1)
    told = delivery.run(settings, [])
    assert [row["drawn"] for row in told["rows"]] == [False, True]
    assert told["ceiling_fraction"] == min(
        row["events_per_s"] / row["ceiling_per_s"] for row in told["rows"]
    )
    assert all(row["synapses"] == 1000 for row in told["rows"])
    with pytest.raises(ValidationError, match="greater than 0"):
        delivery.Settings(sizes=[(0, 1)])


def test_convolutions_are_compared_with_their_list():
    """The same spikes arrive either way, and the kernel takes less memory."""
    settings = convolution.Settings(
        layers=[(2, 3, 6, 3, 1)], pools=[(2, 6, 2)], events=1000, repeats=1
    )
    told = convolution.run(settings, [])
    assert set(told["ratios"]) == {"list/kernel 2-3 3x3/1 on 6x6", "list/kernel pool 2 2x2 on 6x6"}
    assert [row["synapses"] for row in told["rows"]] == [2 * 3 * 16**2] * 2 + [72] * 2
    pixels, _ = convolution._connectivity(settings, 0)
    sums = []
    for form in convolution.FORMS:
        simulator = convolution.build(settings, pixels, form)
        simulator.run(0.05)
        sums.append(simulator.state("post", "v"))
    assert sums[0].any()
    np.testing.assert_array_equal(*sums)


def test_crossbar_compares_like_with_like():
    """Currents by iterations and by effective conductances agree; wires take away some of them."""
    settings = crossbar.Settings(currents=[(16, 1.0), (24, 5.0)], effective=[(16, 1.0)], repeats=1)
    told = crossbar.run(settings, [])
    assert [row["case"] for row in told["rows"]] == [
        "potentia, 16 x 16, 1 ohm",
        "potentia, 24 x 24, 5 ohm",
        "potentia effective, 16 x 16, 1 ohm",
        crossbar.IDEAL,
        crossbar.WIRED,
    ]
    assert all(row.keys() >= ROW_KEYS for row in told["rows"])
    *arrays, ideal, wired = told["rows"]
    assert all(row["difference"] < 1e-9 and 0 < row["lost"] < 1 for row in arrays)
    assert ideal["cells_read"] == wired["cells_read"] > 0
    assert list(told["ratios"]) == ["wires/ideal wires, a step of a liquid"]
    assert told["ceiling_fraction"] > 0


@pytest.mark.validate
def test_crossbar_beside_its_peer():
    pytest.importorskip("badcrossbar", reason="badcrossbar is not installed (extra `validate`)")
    told = crossbar.run(
        crossbar.Settings(currents=[(16, 1.0)], effective=[], repeats=1), ["badcrossbar"]
    )
    assert told["rows"][-1]["difference"] < 1e-9
    assert list(told["ratios"])[1:] == ["badcrossbar/ours, 16 x 16, 1 ohm"]


def test_ceilings_are_positive():
    assert _ceiling.moving(1000) > 0
    assert _ceiling.product(50) > 0
    assert all(_ceiling.scatter(100, drawn=drawn) > 0 for drawn in (False, True))
    assert all(_ceiling.update(100, kind) > 0 for kind in ("lif", "cuba", "coba"))


@pytest.mark.parametrize("change", startup.CHANGES)
def test_nothing_compiles_after_a_change(change):
    assert startup.ready(startup.Settings(neurons=200), change=change)()["compiled"] == 0


def test_compilations_are_counted():
    from numba import njit
    from numba.core import event

    with event.install_recorder("numba:run_pass") as passes:
        njit(lambda x: x + 1)(1)
    assert startup.compiled(passes) == 1


def test_the_script_finds_its_first_spike():
    job = [sys.executable, "-m", "potentia.tests.benchmarks._first_spike", "200"]
    done = subprocess.run(
        job, env=environment(), capture_output=True, text=True, check=True, timeout=120
    )
    assert 0 < json.loads(done.stdout)["first_spike_s"] < 0.1


def test_idle_networks_are_silent_when_they_should_be():
    settings = idle.Settings(
        neurons=200,
        large=400,
        sparse=1000,
        rate=10.0,
        duration=0.05,
        settle=0.1,
        later=0.1,
        repeats=1,
    )
    told = idle.run(settings, [])
    rates = {row["case"]: row["rate_hz"] for row in told["rows"]}
    assert rates["CUBA, silent"] == rates["large, decaying"] == rates["large, long silent"] == 0
    assert rates["sparse"] == pytest.approx(10.0, rel=0.2)  # 500 spikes: 4.5 %
    assert len(told["ratios"]) == 3


def test_the_large_network_was_active_before():
    simulator = Simulator(idle.network(1, 2000, "brief"))
    assert sum(len(train) for train in simulator.run(idle.ACTIVE).spike_records.values()) > 100


def test_microcircuit_measures_with_and_without_records():
    pytest.importorskip("potentia.experiments.microcircuit")
    settings = microcircuit.Settings(
        scale_n=0.01, scale_k=0.02, duration=0.05, warmup=0.01, repeats=1
    )
    told = microcircuit.run(settings, [])
    written, bare = told["rows"]
    assert written["events"] == bare["events"]
    assert "recording_overhead" in written
    assert set(written["rates_hz"]) == {
        part.name for part in microcircuit.network(settings).populations
    }
    (kept,) = microcircuit.run(settings.model_copy(update={"record": False}), [])["rows"]
    assert kept["rates_hz"] == written["rates_hz"]


def test_microcircuit_is_too_large_for_the_peer():
    with pytest.raises(ParameterError, match="scale_n must be at most"):
        microcircuit.run(microcircuit.Settings(scale_n=0.2), ["brian2"])


def test_the_analog_layer_is_measured():
    """Every case of a small layer, and read noise like that of every cell within five standard
    errors.
    """
    pytest.importorskip("torch")
    settings = analog.Settings(rows=40, columns=30, batch=8, calls=2, repeats=1, samples=300)
    made = analog.run(settings, [])
    assert [row["case"] for row in made["rows"]] == [
        "potentia-inference",
        "potentia-differentiable",
        "potentia-training",
        "torch-inference",
    ]
    assert all(set(row) >= ROW_KEYS for row in made["rows"])
    assert all(row["cpu_s"] > 0 for row in made["rows"])
    assert made["rows"][0]["sd_ratio"] == pytest.approx(1.0, abs=5 / np.sqrt(300 * 30))
    assert set(made["ratios"]) == {"torch/ours"}
    assert made["ceiling_fraction"] > 0


def test_devices_are_measured_beside_numpy():
    told = devices.run(devices.Settings(cells=1000, repeats=1), [])
    assert all(row.keys() >= ROW_KEYS for row in told["rows"])
    assert [row["case"] for row in told["rows"] if row["engine"] == "numpy"] == ["numpy lognormal"]
    assert told["ratios"]["numpy/ours"] > 0
    assert told["ceiling_fraction"] > 0


@pytest.mark.parametrize("name", ["potentia", "snntorch", "products"])
def test_tensors_measures_a_small_network_of_each_kind(name):
    settings = tensors.Settings(
        inputs=6, hidden=5, outputs=2, steps=3, batch=2, calls=1, repeats=1, activity=0.5
    )
    for kind in tensors.KINDS if name != "products" else tensors.KINDS[:2]:
        row = tensors.ready(settings, name=name, kind=kind)()
        assert set(row) == ROW_KEYS - {"case"}
        assert row["cpu_s"] > 0
