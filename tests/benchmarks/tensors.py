"""Training on tensors: CPU seconds of one batch on one thread, beside snnTorch.

Two layers of LIF units, 784-800-10, in ten steps of which each input spikes in 13 %. "train" is the
way forward, the loss and the way back, "forward" the first without gradients. In "constant" the
inputs are numbers that never change, such as the brightness of pixels. Spikes take a step from one
layer to the next here, none in snnTorch: ours run two steps longer. "products" are the bare
products of matrices of the two layers, forward and, in training, for the gradients; ceiling_fraction
is their time over that of "train".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ._case import Case
from ._measure import Measure, Row, clocked, peak_mb, take_turns

PEERS = ("snntorch",)
KINDS = ("train", "forward", "constant")
DT, TAU = 1e-3, 10e-3  # [s]
WARM = 3  # calls before the clock starts, in every repeat: others had the processor in between


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**63 - 1, description="of every random draw")
    inputs: int = Field(784, ge=1, le=65536, description="units of the first layer")
    hidden: int = Field(800, ge=1, le=65536, description="units of the second layer")
    outputs: int = Field(10, ge=1, le=65536, description="units of the third layer")
    steps: int = Field(10, ge=1, le=10_000, description="of time")
    batch: int = Field(128, ge=1, le=65536, description="samples in one call")
    activity: float = Field(
        0.13, ge=0.0, le=1.0, description="share of inputs that spike in a step"
    )
    calls: int = Field(20, ge=1, le=100_000, description="in one repeat")
    repeats: int = Field(5, ge=1, le=100, description="of every case, taking turns")


def run(settings: Settings, peers: Sequence[str]) -> dict[str, Any]:
    """Measure; return the report of a benchmark."""
    with ExitStack() as stack:
        cases: dict[str, Measure] = {
            f"{name}-{kind}": stack.enter_context(Case(ready, settings, name=name, kind=kind))
            for name in ("potentia", *peers, "products")
            for kind in KINDS
            if (name, kind) != ("products", "constant")
        }
        rows = take_turns(cases, settings.repeats)
    took = {row["case"]: row["cpu_s"] for row in rows}
    names = [*peers, "products"]
    return {
        "bench": "tensors",
        "rows": rows,
        "ratios": {
            f"{name}/ours {kind}": took[f"{name}-{kind}"] / took[f"potentia-{kind}"]
            for name in names
            for kind in KINDS
            if f"{name}-{kind}" in took
        },
        "ceiling_fraction": took["products-train"] / took["potentia-train"],
    }


def ready(settings: Settings, *, name: str, kind: str) -> Measure:
    """One repeat: `calls` batches, after a few that are not timed."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(settings.seed)
    shape = (settings.steps, settings.batch, settings.inputs)
    x = (torch.rand(shape) < settings.activity).float()
    if kind == "constant":
        x = torch.rand(shape[1:])
    make = {"potentia": _potentia, "snntorch": _snntorch, "products": _products}[name]
    forward = make(settings, kind, x)

    def train() -> None:
        forward().sum().backward()

    call = torch.no_grad()(forward) if kind == "forward" else train

    def work() -> None:
        for _ in range(settings.calls):
            call()

    def measure() -> Row:
        for _ in range(WARM):
            call()
        _, cpu, wall = clocked(work)
        calls = settings.calls
        return {
            "engine": kind,
            "cpu_s": cpu / calls,
            "wall_s": wall / calls,
            "rss_mb": peak_mb(),
        }

    return measure


def _potentia(settings: Settings, kind: str, x: Any) -> Callable[[], Any]:
    """Weights are drawn as torch.nn.Linear draws them."""
    import torch

    from potentia import Network, Simulator
    from potentia.models import LIF, RateSource, SpikeSource
    from potentia.sim import AllToAll, Constant, SpikeTrain, Uniform

    network, graded = Network(seed=settings.seed), kind == "constant"
    sizes = {"hidden": settings.hidden, "outputs": settings.outputs}
    before = network.population(
        RateSource() if graded else SpikeSource(), settings.inputs, name="inputs"
    )
    network.stimulate(before, Constant(0.0) if graded else SpikeTrain(), name="x")
    for name, n in sizes.items():
        units = network.population(LIF(tau=TAU, threshold=15e-3, refractory=0.0), n, name=name)
        bound = 15e-3 * before.n**-0.5 * (1.0 if not before.model.sends else 1 / (1 - decay()))
        network.connect(before, units, AllToAll(), weight=Uniform(-bound, bound), delay=DT)
        before = units
    network.probe(before, "spikes")
    simulator = Simulator(network, dt=DT, backend="torch")
    module = simulator.module([part.name for part in simulator.network.projections])
    # two steps more, in which spikes reach the outputs
    steps = settings.steps + 2
    given = x[None] if graded else torch.cat([x, x.new_zeros((2, *x.shape[1:]))])

    def forward() -> Any:
        return module({"x": given}, steps=steps)["outputs.spikes"]

    return forward


def decay() -> float:
    """What is left of a potential after a step."""
    import math

    return math.exp(-DT / TAU)


def _snntorch(settings: Settings, kind: str, x: Any) -> Callable[[], Any]:
    import snntorch
    import torch

    first = torch.nn.Linear(settings.inputs, settings.hidden)
    second = torch.nn.Linear(settings.hidden, settings.outputs)
    hidden, outputs = (snntorch.Leaky(beta=decay()) for _ in range(2))

    def forward() -> Any:
        v_hidden, v_outputs = hidden.init_leaky(), outputs.init_leaky()
        sent = []
        for step in range(settings.steps):
            spikes, v_hidden = hidden(first(x if kind == "constant" else x[step]), v_hidden)
            spikes, v_outputs = outputs(second(spikes), v_outputs)
            sent.append(spikes)
        return torch.stack(sent)

    return forward


def _products(settings: Settings, kind: str, x: Any) -> Callable[[], Any]:
    """The products of both layers alone, as if every hidden unit sent some number."""
    import torch

    first = torch.randn(settings.inputs, settings.hidden, requires_grad=True)
    second = torch.randn(settings.hidden, settings.outputs, requires_grad=True)
    rows = x.reshape(-1, settings.inputs)

    def forward() -> Any:
        return rows @ first @ second

    return forward
