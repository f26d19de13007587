"""Random local rules, and random spikes for them, as Hypothesis draws them."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from potentia import Network, Simulator
from potentia.learning import Average, Eligibility, LocalRule, Trace, run_dense
from potentia.models import SpikeSource
from potentia.sim import AllToAll, SpikeTrain

DT, N_STEPS = 1e-3, 150
TAUS = (3e-3, 20e-3, 60e-3)
NUMBERS = ("a", "b")


@st.composite
def formula(draw, names, depth=3):
    """The text of a formula in some names, bounded in all of them."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        number = st.floats(-1.5, 1.5).map(lambda value: repr(round(value, 3)))
        return draw(st.one_of(st.sampled_from(names), number) if names else number)
    one = draw(formula(names, depth=depth - 1))
    other = draw(formula(names, depth=depth - 1))
    form = draw(
        st.sampled_from(
            [
                "({} + {})",
                "({} - {})",
                "({} * {})",
                "np.minimum({}, {})",
                "np.where({} > {} + 0.01234567, 0.1, -0.2)",
                "np.tanh({}) * np.exp(-abs({}))",
                "{} / (1.5 + abs({}))",
                "(-{}) - {}",
            ]
        )
    )
    return form.format(one, other)


EVENTS = [("arrival",), ("spike",), ("arrival", "spike")]
STEPS = [*EVENTS, ("step",), ("arrival", "step"), ("arrival", "spike", "step")]


@st.composite
def rules(draw, steps=True):
    """A rule of random formulas; steps: of what only the clock engine has, too."""
    traces = {
        f"x{k}": Trace(
            draw(st.sampled_from(["pre", "post"])),
            draw(st.sampled_from(TAUS)),
            draw(st.sampled_from(["all", "nearest"])),
        )
        for k in range(draw(st.integers(0, 3)))
    }
    own = {
        f"e{k}": Eligibility(draw(st.sampled_from(TAUS)))
        for k in range(draw(st.integers(0, 2)) if steps else 0)
    }
    namespace: dict[str, Any] = {"traces": traces, "eligibilities": own}
    namespace["modulators"] = ("m",) if steps else ()
    if steps and draw(st.booleans()):
        follow = draw(st.sampled_from([lambda m: m, lambda m, a: np.tanh(m) - a * m]))
        namespace["averages"] = {"slow": Average("post", draw(st.sampled_from(TAUS)), follow)}
    others = [*traces, *namespace["modulators"], *namespace.get("averages", ()), *NUMBERS]
    for event in draw(st.sampled_from(STEPS if steps else EVENTS)):
        namespace[event] = staticmethod(draw(function(others, own)))
    if draw(st.booleans()) and "step" in namespace:
        namespace["active"] = staticmethod(draw(condition([*others, *own])))
    fields = [("a", float, 0.3), ("b", float, -0.7), ("w_min", float, -1.0), ("w_max", float, 1.0)]
    made = make_dataclass(
        "Drawn", fields, bases=(LocalRule,), namespace=namespace, frozen=True, kw_only=True
    )
    return made()


@st.composite
def condition(draw, names):
    """A condition in some names."""
    asked = draw(st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=3))
    forms = [  # without ties, which would hang on roundings
        "({}) > 0.10234567",
        "np.logical_and({} >= 0.0012345, {} < 1.98765)",
        "abs({}) > abs({}) + 0.01234567",
    ]
    text = draw(st.sampled_from(forms)).format(draw(formula(asked)), draw(formula(asked)))
    scope = {"np": np}
    exec(f"def made({', '.join(asked)}):\n    return {text}\n", scope)
    scope["made"].text = text
    return scope["made"]


@st.composite
def function(draw, names, own):
    """One function of a rule: what it changes are its first parameters."""
    changed = draw(st.permutations(["w", *own]))[: draw(st.integers(1, 1 + len(own)))]
    others = [name for name in ("w", *own, *names) if name not in changed]
    asked = [*changed, *draw(st.lists(st.sampled_from(others), unique=True, max_size=4))]
    values = []
    for name in changed:
        value = draw(formula(asked))
        small = (
            f"0.05 * np.tanh({value})"  # a weight in the bounds, an eligibility that stays small
        )
        values.append(draw(st.sampled_from([f"{name} + {small}", f"0.9 * {name} - {small}"])))
    text = f"def made({', '.join(asked)}):\n    return {', '.join(values)}\n"
    scope = {"np": np}
    exec(text, scope)
    scope["made"].text = text
    return scope["made"]


@dataclass
class Scene:
    """Sources and targets that fire at given times, and a rule between them."""

    rule: LocalRule
    n_pre: int = 4
    n_post: int = 3
    seed: int = 0
    most_lag: int = 4

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        shape = self.n_pre, self.n_post
        self.lags = rng.integers(1, self.most_lag + 1, shape)
        self.weights = rng.uniform(-0.5, 0.5, shape)
        self.pre = rng.random((N_STEPS, self.n_pre)) < 0.08
        self.post = rng.random((N_STEPS, self.n_post)) < 0.05
        self.modulator = np.where(rng.random((N_STEPS, self.n_post)) < 0.2, 1.5, 0.0)
        self.order = np.argsort(self.lags, axis=1, kind="stable")  # synapses of (source, delay)

    def network(self, **how: Any) -> Network:
        net = Network(seed=1)
        source = net.population(SpikeSource(), self.n_pre, name="source")
        target = net.population(SpikeSource(), self.n_post, name="target")
        net.stimulate(source, self.train(self.pre), name="pre")
        net.stimulate(target, self.train(self.post), name="post")
        delays, weights = (self.lags * DT).ravel(), self.weights.ravel()
        net.connect(
            source,
            target,
            AllToAll(),
            weight=weights,
            delay=delays,
            rule=self.rule,
            name="learned",
            **how,
        )
        if self.rule.modulators:
            rewards = self.train(self.modulator != 0, weight=1.5)
            net.stimulate(target, rewards, receptor="m", name="rewards")
        net.probe(target, "spikes")
        return net

    @staticmethod
    def train(fired: np.ndarray, **how: Any) -> SpikeTrain:
        steps, units = np.nonzero(fired)
        return SpikeTrain((steps + 1) * DT, units, **how)

    def learned(self, store: dict[str, Any] | None = None, **options: Any) -> np.ndarray:
        """The weights (n_pre, n_post) after a run on an engine."""
        clock = {} if options.get("engine") == "event" else {"dt": DT, "dtype": "float64"}
        simulator = Simulator(self.network(**(store or {})), **(clock | options))
        simulator.run(N_STEPS * DT)
        return self.matrix(simulator.weights("learned"))

    def matrix(self, listed: np.ndarray) -> np.ndarray:
        """Weights in the order of (source, delay) as a matrix."""
        made = np.empty(self.lags.shape)
        np.put_along_axis(made, self.order, listed.reshape(self.lags.shape), 1)
        return made

    def dense(self) -> np.ndarray:
        """The weights that the dense reference comes to.

        A target that gets a spike fires too, so it is asked for the spikes of both.
        """
        others = {"m": self.modulator[:, None]} if self.rule.modulators else {}
        return run_dense(self.rule, self.weights, self.arrivals, self.fired, dt=DT, others=others)

    @property
    def arrivals(self) -> np.ndarray:
        """Whether a spike arrives at each synapse (n_steps, n_pre, n_post)."""
        found = np.zeros((N_STEPS, *self.lags.shape), bool)
        for lag in np.unique(self.lags):
            found[lag:] |= self.pre[:-lag, :, None] & (self.lags == lag)
        return found

    @property
    def fired(self) -> np.ndarray:
        """Whether each target fires (n_steps, n_post): by its train, or as a spike arrives."""
        return self.post | self.arrivals.any(axis=1)
