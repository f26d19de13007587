"""A linear layer on emulated devices: CPU seconds of one batch on one thread, beside the plain
layer of torch.

Devices with errors of writing and reading, an hour after writing, 8-bit converters on both sides.
"inference" is what evaluation without gradients runs, "differentiable" the same with operations
that torch differentiates, "training" writes the devices anew, reads them and goes backward.
program_s, age_s: CPU seconds to write the layer and to age it. sd_ratio: standard deviation of the
read noise over that of drawing every cell, all columns together; both scatter by 1 / sqrt(2 samples
columns). The peer is aihwkit's torch tile with its PCM model, drift compensation and 8-bit
converters. The ceiling is the time of the bare products, of bytes and of bfloat16.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from potentia.errors import ParameterError
from potentia.hardware import DAC
from potentia.hardware.devices import presets

from ._case import Case
from ._measure import Measure, Row, clocked, peak_mb, ratios, take_turns

PEERS = ("aihwkit",)
OURS = ("inference", "differentiable", "training")
HOUR = 3600.0  # [s]
WARM = 5  # calls before the clocks start


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**63 - 1, description="of every random draw")
    rows: int = Field(512, ge=1, le=8192, description="inputs of the layer")
    columns: int = Field(512, ge=1, le=8192, description="outputs of the layer")
    batch: int = Field(256, ge=1, le=65536, description="vectors in one call")
    calls: int = Field(100, ge=1, le=100_000, description="in one repeat")
    repeats: int = Field(5, ge=1, le=100, description="of every case, taking turns")
    samples: int = Field(400, ge=2, le=100_000, description="readings for sd_ratio")


def run(settings: Settings, peers: Sequence[str]) -> dict[str, Any]:
    """Measure; return the report of a benchmark."""
    with ExitStack() as stack:

        def case(**options: str) -> Measure:
            return stack.enter_context(Case(ready, settings, **options))

        cases = {f"potentia-{name}": case(kind=name) for name in OURS}
        cases |= {"torch-inference": case(kind="torch"), "limit": case(kind="limit")}
        cases |= {f"{peer}-inference": case(kind=peer) for peer in peers}
        rows = take_turns(cases, settings.repeats)
    limit = next(row for row in rows if row["case"] == "limit")
    rows.remove(limit)
    return {
        "bench": "analog",
        "rows": rows,
        "ratios": ratios(rows, rows[0]),
        "ceiling_fraction": limit["cpu_s"] / rows[0]["cpu_s"],
    }


def ready(settings: Settings, *, kind: str) -> Measure:
    """One repeat: `calls` batches, after a few that are not timed."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(settings.seed)
    x = torch.randn(settings.batch, settings.rows)
    linear = torch.nn.Linear(settings.rows, settings.columns)
    made = {"torch": _torch, "limit": _limit, "aihwkit": _aihwkit}.get(kind, _potentia)
    call, told = made(settings, kind, linear, x)

    def work() -> None:
        for _ in range(settings.calls):
            call()

    for _ in range(WARM):
        call()

    def measure() -> Row:
        _, cpu, wall = clocked(work)
        row = {
            "engine": kind,
            "cpu_s": cpu / settings.calls,
            "wall_s": wall / settings.calls,
            "rss_mb": peak_mb(),
        }
        return row | told

    return measure


def _potentia(settings: Settings, kind: str, linear: Any, x: Any) -> tuple[Callable[[], Any], Row]:
    import torch

    from potentia.hardware import AnalogLinear
    from potentia.hardware.analog_layer.reading import product

    device = presets.pcm_nandakumar()
    layer = AnalogLinear.from_linear(linear, device=device, seed=settings.seed)
    if kind == "training":

        def step() -> None:
            layer.zero_grad()
            layer(x).sum().backward()

        return step, {}
    layer.eval().program()
    _, program_s, _ = clocked(layer.program)
    _, age_s, _ = clocked(lambda: layer.age(HOUR))
    told: Row = {"program_s": program_s, "age_s": age_s}
    if kind == "differentiable":
        return torch.no_grad()(lambda: product(layer, layer._as_written(), x)), told
    return torch.no_grad()(lambda: layer(x)), told | {"sd_ratio": sd_ratio(settings, linear, x[:1])}


def sd_ratio(settings: Settings, linear: Any, x: Any) -> float:
    """Deviation of the read noise of x (1, rows) over that of drawing every cell, with a DAC and no
    ADC.
    """
    import torch

    from potentia.hardware import AnalogLinear

    device = presets.pcm_nandakumar()
    layer = AnalogLinear.from_linear(
        linear, device=device, adc=None, dac=DAC(), seed=settings.seed
    ).eval()
    layer.age(HOUR)
    with torch.no_grad():
        many = x.expand(settings.samples, -1)
        together, one_by_one = layer(many), layer.read_cells(many)
    return float((together.var(0).mean() / one_by_one.var(0).mean()).sqrt())


def _torch(settings: Settings, kind: str, linear: Any, x: Any) -> tuple[Callable[[], Any], Row]:
    import torch

    return torch.no_grad()(lambda: linear(x)), {}


def _limit(settings: Settings, kind: str, linear: Any, x: Any) -> tuple[Callable[[], Any], Row]:
    """The products of `DigitArray.read` alone."""
    import torch

    codes = torch.ones(settings.batch, settings.rows, dtype=torch.int8)
    digits = torch.ones(settings.rows, 3 * settings.columns, dtype=torch.int8)
    squares, variance = codes.to(torch.bfloat16), digits[:, : settings.columns].to(torch.bfloat16)
    return torch.no_grad()(lambda: (torch._int_mm(codes, digits), squares @ variance)), {}


def _aihwkit(settings: Settings, kind: str, linear: Any, x: Any) -> tuple[Callable[[], Any], Row]:
    import torch
    from aihwkit.inference import GlobalDriftCompensation, PCMLikeNoiseModel
    from aihwkit.nn import AnalogLinear
    from aihwkit.simulator.configs import TorchInferenceRPUConfig

    config = TorchInferenceRPUConfig(
        noise_model=PCMLikeNoiseModel(g_max=25.0), drift_compensation=GlobalDriftCompensation()
    )
    config.forward.inp_res, config.forward.out_res = 1 / 254, 1 / 254
    layer = AnalogLinear.from_digital(linear, config).eval()
    _, program_s, _ = clocked(layer.program_analog_weights)
    _, age_s, _ = clocked(lambda: layer.drift_analog_weights(HOUR))
    if not isinstance(layer(x), torch.Tensor):
        raise ParameterError("analog --peers: this version of aihwkit has no torch tile")
    return torch.no_grad()(lambda: layer(x)), {"program_s": program_s, "age_s": age_s}
