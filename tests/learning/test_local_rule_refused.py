"""What a local rule may not be ends in one sentence, before anything runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import PotentiaError
from potentia.hardware import Crossbar, PulsedReRAM
from potentia.learning import Average, Eligibility, LocalRule, Oja, Trace, run_dense
from potentia.models import LIF, SpikeSource
from potentia.sim import AllToAll


@dataclass(frozen=True, kw_only=True)
class Base(LocalRule):
    tau: float = 20e-3
    gain: float = 1e-3
    traces: ClassVar = {"x": Trace("pre", "tau"), "y": Trace("post", "tau")}


def made(**parts):
    """A rule of these parts; functions become its static methods."""
    parts = {key: staticmethod(one) if callable(one) else one for key, one in parts.items()}
    return dataclass(frozen=True, kw_only=True)(type("Own", (Base,), parts))


def branch(w, x):
    return w + 1.0 if x > 1.0 else w


def two(w, x):
    return w, x, 1.0


CASES = {
    "an unknown name": ({"spike": lambda w, xx: w + xx}, r"Own\.spike: .* did you mean 'x'\? \(got 'xx'\)$"),
    "no local name": ({"spike": lambda w, everyone: w}, r"Own\.spike: parameters must be among w, x, y"),
    "a branch": ({"spike": branch}, r"Own\.spike: must be a formula, but decides by a value \(if"),
    "math": ({"spike": lambda w, x: w + math.exp(x)}, r"needs a number .*; use np\.exp"),
    "a sum": ({"spike": lambda w, x: w + np.sum(x)}, r"Own\.spike: must be a formula, but uses np\."),
    "infinity": ({"spike": lambda w: w + math.inf}, r"computes with inf; use finite numbers"),
    "an error": ({"spike": lambda w: [*w]}, r"Own\.spike: must be a formula, but "),
    "nothing": ({"spike": lambda w: None}, r"returns nothing; return the new values"),
    "a text": ({"spike": lambda w: "more"}, r"computes with a str \('more'\); use numbers"),
    "a default": ({"spike": lambda w, x=1.0: w}, r"has a default for x; make x a field of the rule"),
    "a star": ({"spike": lambda *w: w[0]}, r"has the parameter \*w; name each"),
    "a change of a trace": ({"spike": two}, r"must return new values of its first parameters, which may be w"),
    "an unknown tau": ({"traces": {"x": Trace("pre", "taux")}}, r"Own\.x: .* did you mean 'tau'\? \(got 'taux'\)$"),
    "no average": (
        {"averages": {"u": Average("post", 0.1, lambda v_pre: v_pre)}},
        r"Own\.averages 'u': must follow one value .* that end with _post \(got 'v_pre'\)$",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_functions_that_are_no_formulas(case):
    parts, words = CASES[case]
    with pytest.raises(PotentiaError, match=words) as told:
        made(**parts)()
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Trace("before", 0.1), r"^Trace\.side: must be one of pre, post \(got 'before'\)$"),
        (lambda: Trace("pre", 0.0), r"^Trace\.tau: must be > 0 and <= 1e\+09 s \(got 0\.0\)$"),
        (lambda: Trace("pre", 0.1, "some"), r"^Trace\.pairs: must be one of all, nearest"),
        (lambda: Eligibility(-1.0), r"^Eligibility\.tau: must be > 0"),
        (lambda: Average("pre", 0.1, 3), r"^Average\.of: must be a function such as"),
        (lambda: made(tau=-1.0)(tau=-1.0), r"^Own\.tau: must be > 0"),
    ],
)
def test_parts_that_are_refused(make, words):
    with pytest.raises(PotentiaError, match=words):
        make()


def compiled(rule, pre=None, **how):
    net = Network(seed=1)
    source = net.population(pre or SpikeSource(), 3, name="source")
    target = net.population(LIF(), 2, name="target")
    options = {key: how.pop(key) for key in ("store",) if key in how}
    net.connect(source, target, AllToAll(), weight=1e-3, rule=rule, name="in", **options)
    return Simulator(net, **({"dt": 1e-3} | how))


def test_what_a_network_does_not_offer():
    """A state variable that no model has, a source that sends no numbers, a store that cannot tell
    its weights, and what has no events.
    """
    with pytest.raises(PotentiaError, match=r"^in: kernel Own_spike.* 'u_post', which is none of"):
        compiled(made(spike=lambda w, u_post: w + u_post)())
    with pytest.raises(PotentiaError, match=r"sends? spikes|send numbers"):
        compiled(Oja())
    store = Crossbar(device=PulsedReRAM())
    words = r"^Own of projection 'in': spike reads the weight w, which only the store Ideal\(\) can"
    with pytest.raises(PotentiaError, match=words):
        compiled(made(spike=lambda w, x: w + x * w)(), store=store)
    compiled(made(spike=lambda w, x, gain: w + gain * x)(), store=store).run(5e-3)
    with pytest.raises(PotentiaError, match=r"^Simulator\.engine: projection 'in' learns by Own"):
        compiled(made(step=lambda w: w)(), engine="event", dt=None)


def test_the_dense_reference_says_what_does_not_fit():
    rule, spikes = made(spike=lambda w, x: w + x)(), np.zeros((4, 2), bool)
    arrivals = np.zeros((4, 3, 2), bool)
    good = {"weights": np.zeros((3, 2)), "arrivals": arrivals, "spikes": spikes, "dt": 1e-3}
    run_dense(rule, **good)
    for field, value, words in (
        ("weights", np.zeros(3), r"^run_dense\.weights: must have 2 dimensions"),
        ("spikes", spikes[:, :1], r"^run_dense\.spikes: .* n_post = 2 \(got 'shape \(4, 1\)'\)$"),
        ("arrivals", arrivals[1:], r"^run_dense\.arrivals: must have the shape .* \(4, 3, 2\)"),
        ("dt", 0.0, r"^run_dense\.dt: must be > 0"),
        ("rule", None, r"^run_dense\.rule: must be a LocalRule"),
    ):
        with pytest.raises(PotentiaError, match=words):
            run_dense(**({"rule": rule} | good | {field: value}))
    with pytest.raises(PotentiaError, match=r"^run_dense\.others: must hold v_post"):
        run_dense(made(spike=lambda w, v_post: w + v_post)(), **good)
