"""A recorded run that is asked to stop writes a checkpoint of that moment and goes on from there,
bit for bit.
"""

import pytest

from potentia import Network, Result, Simulator
from potentia.models import LIF
from potentia.sim import Constant, FixedProbability, Poisson
from potentia.sim.results import storage
from potentia.sim.runs import sections, snapshot, stop

CHUNK = 10e-3  # [s] between two moments at which a run can stop


def simulator(**how):
    net = Network(seed=5)
    cells = net.population(LIF(), 40, name="cells")
    net.connect(cells, cells, FixedProbability(0.2), weight=1e-3, delay=2e-3)
    net.stimulate(cells, Constant(14e-3))
    net.stimulate(cells, Poisson(rate=300.0, weight=2e-3))
    net.probe(cells, "spikes")
    net.probe(cells, "v", every=1e-3)
    return Simulator(net, **({"chunk": 100} if "engine" not in how else {}), **how)


@pytest.fixture
def ask_at(monkeypatch):
    """Let a run be asked to stop when it looks for the n-th time whether to hand over what it
    recorded.
    """
    wants = sections.Sections.wants

    def asking(n):
        looks = iter(range(1, n))

        def asked(self, n_bytes):
            if next(looks, None) is None:
                assert stop.ask()
            return wants(self, n_bytes)

        monkeypatch.setattr(sections.Sections, "wants", asked)

    yield asking
    assert not stop.asked()


@pytest.mark.parametrize(
    "how", [{}, {"threads": 2}, {"backend": "reference"}, {"engine": "event"}], ids=str
)
def test_it_goes_on_from_the_moment_at_which_it_was_asked(how, tmp_path, ask_at, monkeypatch):
    whole = simulator(**how).run(0.2)
    sim = simulator(**how)
    ask_at(3)
    with pytest.raises(KeyboardInterrupt):
        sim.run(0.2, record_to=tmp_path)
    monkeypatch.undo()
    assert sim.time == 0.0  # it stands where it stood before
    (kept,) = [path for path in tmp_path.iterdir() if path.suffix == ".snapshot"]
    reached = snapshot.load(kept).time
    assert 0 < reached < 0.2
    # threads that wait for cores end a chunk early
    assert "engine" in how or reached <= 3 * CHUNK + 1e-9
    assert Result.load(tmp_path).stop == pytest.approx(reached)
    again = simulator(**how)
    result = again.run(0.2, record_to=tmp_path, resume=True)
    assert storage.digest(result) == storage.digest(whole)
    assert storage.digest(again.run(0.02)) == storage.digest(_later(how))


def _later(how):
    sim = simulator(**how)
    sim.run(0.2)
    return sim.run(0.02)


def test_a_run_that_is_over_when_it_is_asked_is_kept_whole(tmp_path, monkeypatch):
    merge = sections.Sections.merge
    monkeypatch.setattr(sections.Sections, "merge", lambda self: (stop.ask(), merge(self))[1])
    with pytest.raises(KeyboardInterrupt):
        simulator().run(0.02, record_to=tmp_path)
    monkeypatch.undo()
    assert not stop.asked()
    whole = simulator().run(0.02, record_to=tmp_path, resume=True)
    assert storage.digest(whole) == storage.digest(simulator().run(0.02))


def test_nothing_is_asked_where_nothing_records():
    assert not stop.ask()
    assert not stop.asked()
    assert simulator().run(0.02).stop == pytest.approx(0.02)
