"""What can be set about recurrent networks on random graphs, their tasks and their training."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from potentia.experiments.framework.descent import MOST_RATE
from potentia.sim import Connectivity, FixedProbability, ScaleFree, SmallWorld

DRAWN: Final = ("erdos_renyi", "watts_strogatz", "barabasi_albert")
PRUNED: Final = "pruned"
GRAPHS: Final = (*DRAWN, PRUNED)
SPIKING: Final = "spiking"
FROZEN: Final = "frozen"  # spiking units whose recurrent weights stay as drawn
RATES: Final = ("tanh", "relu")
# [s] that a symbol takes; in which a fibre of the cochlea spikes once or not at all
STEPS: Final = {"reber": 10e-3, "digits": 20e-3}
UNITS: Final = (SPIKING, FROZEN, *RATES)

Density = Annotated[float, Field(gt=0, le=0.5)]


class Design(BaseModel):
    """Everything but the seeds."""

    model_config = ConfigDict(extra="forbid")

    tasks: list[Literal["reber", "digits"]] = Field(
        ["reber", "digits"], min_length=1, max_length=2, description="what is learned"
    )
    units: list[Literal["spiking", "frozen", "tanh", "relu"]] = Field(
        list(UNITS), min_length=1, max_length=4, description="of the recurrent networks"
    )
    densities: list[Density] = Field(
        [0.06, 0.15, 0.45], min_length=1, max_length=20, description="synapses per pair of units"
    )
    neurons: int = Field(64, ge=4, le=2000, description="of the recurrent population")
    rewiring: float = Field(0.1, ge=0, le=1, description="probability, of Watts-Strogatz graphs")
    tau: float = Field(20e-3, ge=STEPS["reber"], description="of the membrane [s]")
    tau_readout: float = Field(50e-3, ge=STEPS["reber"], description="of the readout [s]")
    strings: int = Field(1000, ge=10, le=100_000, description="of the Reber grammar to train on")
    test_strings: int = Field(500, ge=10, le=100_000, description="others, to test on")
    longest: int = Field(20, ge=9, le=200, description="number of symbols of a string")
    embedded: bool = Field(False, description="strings of the embedded Reber grammar")
    words: int = Field(600, ge=10, le=2700, description="spoken digits to train on, at most")
    epochs: int = Field(20, ge=2, le=1000, description="of training")
    batch: int = Field(100, ge=1, le=10_000, description="samples per step of training")
    rate: float = Field(
        0.04, gt=0, le=MOST_RATE, description="of learning, at most; a tenth for rate units"
    )

    @field_validator("tasks", "units", "densities")
    @classmethod
    def _different(cls, values: list[Any]) -> list[Any]:
        if len(set(values)) < len(values):
            raise ValueError("must have no entry twice")
        return values

    @field_validator("tau", "tau_readout")
    @classmethod
    def _as_long_as_a_step(cls, value: float, told: ValidationInfo) -> float:
        least = max((STEPS[task] for task in told.data.get("tasks", ())), default=0.0)
        if value < least:
            raise ValueError(f"must be at least the {least:g} s of a step of the tasks")
        return value

    def wiring(self, graph: str, density: float) -> Connectivity:
        """The recipe of a drawn graph whose density comes nearest to the wanted one."""
        n = self.neurons
        if graph == "watts_strogatz":
            return SmallWorld(2 * max(round(density * (n - 1) / 2), 1), self.rewiring)
        if graph == "barabasi_albert":
            synapses = density * n * (n - 1)
            return ScaleFree(
                min(range(1, n // 2 + 1), key=lambda m: abs(2 * m * (n - m) - synapses))
            )
        return FixedProbability(density, autapses=False)
