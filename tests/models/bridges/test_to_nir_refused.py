"""What NIR cannot say, and arguments that do not fit, end in one sentence."""

import pytest

from potentia import Network
from potentia.errors import PotentiaError, UnsupportedError
from potentia.learning import STDP
from potentia.models import LIF, AdEx, DiscreteLIF, LeakyRate, SpikeSource
from potentia.models.bridges import from_nir, to_nir
from potentia.models.bridges.nir_graph import same_graph
from potentia.sim import AllToAll, OneToOne, Poisson, Step, Uniform

DT = 1e-3


def lone(model=None, **options) -> Network:
    net = Network()
    source = net.population(SpikeSource(), 3, name="in")
    cells = net.population(model or LIF(refractory=0.0), 3, name="cells", **options)
    receptor = cells.model.receptors[0]
    net.connect(source, cells, AllToAll(), weight=1e-3, delay=DT, name="way", receptor=receptor)
    return net


def stimulated(stimulus) -> Network:
    net = lone()
    net.stimulate(net.populations[1], stimulus, name="drive")
    return net


def joined(**options) -> Network:
    net = lone()
    cells = net.populations[1]
    net.connect(
        cells, cells, **{"connectivity": OneToOne(), "weight": 1e-3, "name": "loop", **options}
    )
    return net


def mixed() -> Network:
    net = lone()
    net.population(DiscreteLIF(), 2, name="other")
    return net


def resetting() -> Network:
    net = lone(DiscreteLIF())
    net.population(DiscreteLIF(resets="none"), 2, name="other")
    return net


UNSAID = {
    "a model": (lambda: lone(AdEx()), "what AdEx is, only LIF, IF"),
    "refractory": (lambda: lone(LIF()), r"refractory \(population 'cells'\)"),
    "a start": (lambda: lone(initial={"v": 1e-3}), "where v of 'cells' starts"),
    "a start at random": (
        lambda: lone(initial={"v": Uniform(0, 1e-3)}),
        "where v of 'cells' starts",
    ),
    "a rule": (lambda: joined(rule=STDP()), "how 'loop' learns"),
    "noise": (lambda: stimulated(Poisson(rate=10.0, weight=1e-3)), "what 'drive' drives"),
    "a later current": (lambda: stimulated(Step([5e-3], [1e-3])), "what 'drive' drives"),
    "an activation": (lambda: lone(LeakyRate()), "the activation 'rectified', only 'linear'"),
    "delays": (lambda: joined(connectivity=AllToAll(), delay=Uniform(1e-3, 9e-3)), None),
    "two schemes": (
        mixed,
        "one scheme for all populations, and 'other' would need 'euler or semi",
    ),
    "two resets": (resetting, "one reset for all populations"),
}


@pytest.mark.parametrize("name", UNSAID)
def test_what_nir_cannot_say_is_refused_in_one_sentence(name, tmp_path):
    make, told = UNSAID[name]
    net = make()
    if told is None:
        assert len(to_nir(net, spike="dirac", dt=DT).nodes) < 30
        return
    with pytest.raises(UnsupportedError, match=told) as caught:
        to_nir(net, tmp_path / "x.nir", spike="dirac", dt=DT)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"spike": "two"}, "to_nir.spike: must be one of one, dirac"),
        ({"spike": "one"}, "to_nir.dt: must be a time in s"),
        ({"spike": "dirac", "edges": "step"}, "to_nir.dt: must be a time in s"),
        ({"spike": "dirac", "edges": "steps", "dt": DT}, "did you mean 'step'"),
        ({"spike": "dirac", "dt": 0.0}, "to_nir.dt: must be > 0"),
    ],
)
def test_bad_arguments(options, told):
    with pytest.raises(PotentiaError, match=told):
        to_nir(lone(), **options)


def test_a_graph_that_answers_nonsense_is_refused():
    graph = to_nir(lone(), spike="dirac")
    graph.metadata["potentia"]["scheme"] = "magic"
    with pytest.raises(PotentiaError, match=r"from_nir\.scheme: must be one of exact"):
        from_nir(graph)
    graph.metadata["potentia"] = {"evil": "x"}
    with pytest.raises(PotentiaError, match="metadata 'potentia': must be one of dt, scheme"):
        from_nir(graph)
    graph.metadata["potentia"] = 3
    with pytest.raises(PotentiaError, match="must be a dict"):
        from_nir(graph)


def test_a_graph_written_twice_is_the_same():
    assert same_graph(to_nir(lone(), spike="dirac"), to_nir(lone(), spike="dirac"))
