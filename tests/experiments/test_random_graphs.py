"""Recurrent networks on random graphs in small: their parts, and that they learn."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `torch`)")

from potentia.errors import ParameterError  # noqa: E402
from potentia.experiments import load, random_graphs  # noqa: E402
from potentia.experiments.framework.experiment import Context, read_settings  # noqa: E402
from potentia.experiments.framework.runner import execute, replot, resume  # noqa: E402
from potentia.experiments.graphs import training  # noqa: E402
from potentia.experiments.graphs.design import DRAWN, Design  # noqa: E402
from potentia.experiments.graphs.outcomes import Job, jobs  # noqa: E402
from potentia.experiments.graphs.rate_network import RateNetwork, leak  # noqa: E402
from potentia.experiments.graphs.spiking_network import (  # noqa: E402
    IN,
    OUT,
    RECURRENT,
    accuracy_on_clock,
    described,
    pruned,
    weights_of,
)
from potentia.experiments.graphs.tasks import EAR, FRAMES, load_task, reber  # noqa: E402
from potentia.experiments.graphs.training import carry_out  # noqa: E402
from potentia.sim import AllToAll, Simulator  # noqa: E402
from potentia.sim.operators.graph import measure  # noqa: E402

SMALL = Design(neurons=24, strings=120, test_strings=60, longest=12, epochs=2, words=40)
FLOAT32 = 1e-4  # relative: of sums over 12 steps and 24 units


def silent(*_):
    pass


@pytest.mark.parametrize("graph", DRAWN)
def test_graphs_come_near_the_wanted_density(graph):
    """As near as the next neighbour or the next link of newcomers, and what chance leaves."""
    design = Design()
    for density in design.densities:
        n = design.neurons
        edges = design.wiring(graph, density).edges(n, n, 1, recurrent=True)
        found = measure(edges.sources.astype(int), edges.targets.astype(int), n).density
        assert found == pytest.approx(density, abs=0.016)


def test_words_end_together_and_a_fibre_spikes_once_a_frame():
    task = load_task("digits", SMALL, None, 1, silent)
    assert task.spikes.shape == (FRAMES, 40 + 120, EAR.n_units)
    assert set(np.unique(task.spikes)) == {0, 1}
    assert (
        task.spikes[-1].any(axis=1).mean() > 0.5
    )  # the last spikes of a word are in its last frame
    assert len(task.test) == 120
    trains = task.trains([3])
    assert len(trains[0].times) == task.spikes[:, 3].sum()


def test_strings_of_the_two_sets_differ():
    task = reber(SMALL, 1)
    codes = {task.spikes[:, sample].tobytes() for sample in range(180)}
    assert len(codes) == 180
    assert len(task.train) == 120
    assert 40 < task.labels[task.train].sum() < 80


def test_a_rate_network_is_its_equation():
    """Step by step in NumPy, in float64; trained, it keeps to its graph."""
    task = reber(SMALL, 1)
    wiring = SMALL.wiring("watts_strogatz", 0.2)
    weights = weights_of(described(SMALL, task, wiring, 1), task)
    for law, f in (("tanh", np.tanh), ("relu", lambda x: np.maximum(x, 0))):
        network = RateNetwork(weights, law, leak(task.dt, SMALL.tau_readout))
        with torch.no_grad():
            network.bias += 0.1
            told = network(torch.from_numpy(task.spikes.astype(np.float32))).numpy()
        state, readout = np.zeros((180, 24)), np.zeros((180, 2))
        for step in task.spikes.astype(float):
            state = f(step @ weights.inputs + state @ weights.recurrent.toarray() + 0.1)
            readout = np.exp(-task.dt / SMALL.tau_readout) * readout + state @ weights.readout
        np.testing.assert_allclose(told, readout, rtol=FLOAT32, atol=FLOAT32)
        training.fit(
            network,
            lambda samples, own=network: own(
                torch.from_numpy(task.spikes[:, samples.numpy()]).float()
            ),
            task,
            SMALL,
            1,
            0.01,
            1,
        )
        after = network.weights().recurrent
        assert (after.toarray() != 0).sum() == weights.recurrent.nnz
        assert not np.allclose(after.toarray(), weights.recurrent.toarray())


def test_pruning_keeps_the_largest_weights():
    task = reber(SMALL, 1)
    weights = weights_of(described(SMALL, task, AllToAll(autapses=False), 1), task)
    assert weights.measures().density == 1.0
    left = pruned(weights, SMALL, 0.25)
    kept = np.abs(left.recurrent.data)
    assert kept.size == round(0.25 * 24 * 23)
    others = np.abs(weights.recurrent.toarray())[left.recurrent.toarray() == 0]
    assert kept.min() >= others.max()
    again = weights_of(described(SMALL, task, AllToAll(), 1, left), task)
    np.testing.assert_allclose(again.recurrent.toarray(), left.recurrent.toarray(), rtol=1e-6)
    assert again.measures().density == pytest.approx(0.25, abs=1e-3)


def test_the_clock_engine_tests_what_the_module_trains():
    """The same readout at the end, sample by sample, and so the same accuracy."""
    task = reber(SMALL, 1)
    network = described(SMALL, task, SMALL.wiring("barabasi_albert", 0.2), 1)
    simulator = Simulator(network, dt=task.dt, backend="torch")
    module = simulator.module(train=[IN, RECURRENT, OUT])
    quiet = np.zeros((2, 180, 7), np.float32)
    spikes = torch.from_numpy(np.concatenate([task.spikes.astype(np.float32), quiet]))
    with torch.no_grad():
        told = module({"spikes": spikes[:, task.test]})["readout.r"][-1].numpy()
    assert np.abs(told).max() > 0.1
    right = (told.argmax(axis=1) == task.labels[task.test]).mean()
    accuracy, digest = accuracy_on_clock(module.network(), task, "cpu")
    assert accuracy == right
    assert digest == accuracy_on_clock(network, task, "cpu")[1]


@pytest.mark.parametrize("unit", ["spiking", "frozen"])
def test_frozen_networks_keep_their_recurrent_weights(unit, monkeypatch):
    """And the others learn theirs."""
    task = reber(SMALL, 1)
    seen = []
    real = training.accuracy_on_clock
    monkeypatch.setattr(
        training, "accuracy_on_clock", lambda net, *rest: seen.append(net) or real(net, *rest)
    )
    design = SMALL.model_copy(update={"densities": [0.2]})
    (outcome,) = carry_out(
        Job(task="reber", unit=unit, graph="erdos_renyi", seed=2), design, task, "cpu"
    )
    before = weights_of(described(design, task, design.wiring("erdos_renyi", 0.2), 2), task)
    after = weights_of(seen[0], task)
    same = np.array_equal(before.recurrent.toarray(), after.recurrent.toarray())
    assert same == (unit == "frozen")
    assert not np.array_equal(before.inputs, after.inputs)
    assert outcome.measures["density"] == before.measures().density


def test_pruned_networks_have_the_same_graph_after_the_second_half():
    task = reber(SMALL, 1)
    for unit in ("spiking", "tanh"):
        job = Job(task="reber", unit=unit, graph="pruned", seed=1)
        design = SMALL.model_copy(update={"densities": [0.1, 0.3]})
        found = carry_out(job, design, task, "cpu")
        assert [round(one.measures["density"], 2) for one in found] == [0.1, 0.3]


@pytest.mark.slow
def test_spiking_networks_learn_the_grammar():
    """Trained recurrent weights tell strings better than those that stay as they were drawn."""
    design = Design(tasks=["reber"], densities=[0.3], strings=700, epochs=15)
    task = reber(design, 1)
    accuracies = {
        unit: np.mean(
            [
                carry_out(
                    Job(task="reber", unit=unit, graph="erdos_renyi", seed=seed),
                    design,
                    task,
                    "cpu",
                )[0].accuracy
                for seed in (1, 2)
            ]
        )
        for unit in ("spiking", "frozen", "tanh")
    }
    assert accuracies["spiking"] > accuracies["frozen"] + 0.01 > 0.6
    assert accuracies["tanh"] > 0.8


def settings(**changes):
    small = SMALL.model_copy(update={"densities": [0.1, 0.3], "tasks": ["reber"]} | changes)
    return random_graphs.Settings(**small.model_dump(), seeds=2)


@pytest.mark.filterwarnings("error::potentia.errors.PotentiaWarning")
def test_a_run_that_was_broken_off_ends_like_an_unbroken_one(tmp_path, monkeypatch):
    """What was trained before is not trained again; metrics, spikes and figures are the same."""
    monkeypatch.setenv("POTENTIA_THREADS", "1")  # no processes of their own
    experiment, wanted = load("random-graphs"), settings(units=["spiking"], densities=[0.3])
    whole = execute(experiment, wanted, backend="cpu", base=tmp_path / "whole", say=silent)
    real, calls = training.carry_out, []

    def stopping(*arguments):
        calls.append(arguments[0])
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(training, "carry_out", stopping)
    with pytest.raises(KeyboardInterrupt):
        execute(experiment, wanted, backend="cpu", base=tmp_path / "broken", say=silent)
    (path,) = (tmp_path / "broken").rglob("run.json")
    resumed = resume(path.parent, say=silent)
    assert len(calls) == 4 + len(jobs(wanted, (1, 2))) - 3
    first, second = (json.loads((one.path / "run.json").read_text()) for one in (whole, resumed))
    for record in (first, second):
        record["metrics"].pop("seconds")
    assert first["metrics"] == second["metrics"]
    assert first["spike_hash"] == second["spike_hash"]
    metrics = second["metrics"]
    assert {f"accuracy_{graph}" for graph in (*DRAWN, "pruned")} <= set(metrics)
    assert {file.stem for file in resumed.path.glob("*.png")} == {
        "density",
        "measures",
        "correlations",
    }
    (resumed.path / "density.png").unlink()
    replot(resumed.path, silent)
    assert (resumed.path / "density.png").is_file()


def test_few_strings_are_short():
    design = SMALL.model_copy(update={"longest": 9})
    with pytest.raises(ParameterError, match=r"random-graphs\.longest: must be more.*\(got 9\)"):
        reber(design, 1)


@pytest.mark.slow
def test_processes_give_what_one_gives(tmp_path, monkeypatch):
    """Two jobs at a time, in the order of the list."""
    monkeypatch.setattr(random_graphs, "cores", lambda: 2)
    wanted = settings(units=["relu"], densities=[0.3])
    context = Context(
        backend="cpu", data=None, folder=tmp_path, progress=False, say=silent, plots=False
    )
    tasks = {"reber": reber(wanted, 1)}
    found = list(random_graphs.trainings(wanted, context, tasks))
    alone = [
        one
        for job in jobs(wanted, (1, 2))
        for one in carry_out(
            job, Design(**wanted.model_dump(exclude={"seed", "seeds"})), tasks["reber"], "cpu"
        )
    ]
    assert found == alone


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('tasks=["chess"]', r"tasks: must be 'reber' or 'digits'"),
        ("densities=[]", r"densities: must be a list of at least 1, not 0 \(got \[\]\)"),
        ('tasks=["reber", "digits", "reber"]', r"tasks: must be a list of at most 2, not 3"),
        ("tau=10e-3", r"tau: must be at least the 0\.02 s of a step of the tasks \(got 0\.01\)"),
        ("densities=[0.1, 0.7]", r"densities: must be less than or equal to 0.5 \(got 0.7\)"),
        ("densities=[0.1, 0.1]", r"densities: must have no entry twice"),
        ("neurons=3", r"neurons: must be greater than or equal to 4"),
        ("longest=8", r"longest"),
    ],
)
def test_bad_settings_end_in_one_sentence(text, sentence):
    with pytest.raises(ParameterError, match=sentence):
        read_settings("random-graphs", random_graphs.Settings, [text])
