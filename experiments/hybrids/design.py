"""What can be set about a hybrid network, its devices and its training."""

from __future__ import annotations

import math
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from potentia.experiments.framework.descent import MOST_RATE

KERNEL: Final = 5  # pixels, at a distance of STRIDE
STRIDE: Final = 2
POOL: Final = 2  # pixels that are averaged, to both sides
DT: Final = 1e-3  # [s]


class Design(BaseModel):
    """Everything but the seeds and the images."""

    model_config = ConfigDict(extra="forbid")

    channels: int = Field(10, ge=1, le=1000, description="of the convolution")
    neurons: int = Field(256, ge=1, le=10_000, description="of the spiking core")
    steps: int = Field(8, ge=1, le=1000, description="that an image is shown for, of 1 ms")
    tau: float = Field(10e-3, ge=DT, description="of the membrane [s]")
    gain: float = Field(
        1.0, gt=0, le=1e6, description="weight of a synapse times the root of their number"
    )
    epochs: int = Field(10, ge=1, le=1000, description="of training")
    tuning: int = Field(
        2, ge=0, le=1000, description="epochs of the layers around a core that is formed"
    )
    batch: int = Field(100, ge=2, le=10_000, description="images per step of training")
    rate: float = Field(5e-3, gt=0, le=MOST_RATE, description="of learning, at most")
    core_rate: float = Field(
        0.03, gt=0, le=MOST_RATE, description="of learning in the core, at most"
    )
    forming_voltage: float = Field(
        3.85, ge=3.0, le=4.1, description="of the pulse that forms a cell [V]"
    )
    read_noise: float = Field(0.02, ge=0, le=1, description="of a device, relative")
    adc_bits: int = Field(8, ge=1, le=16, description="of the converters")
    r_wire: float = Field(1.0, ge=0, description="of a segment of wire [ohm]")

    def features(self, size: tuple[int, int]) -> int:
        """How many there are of an image of `size`, height and width in pixels."""
        height, width = (convolved(side) // POOL for side in size)
        return self.channels * height * width

    def weight(self, n_features: int) -> float:
        """The magnitude of all weights of the core, in units of the threshold."""
        return self.gain / math.sqrt(n_features)


def convolved(side: int) -> int:
    """Pixels of a side after the convolution."""
    return (side - 1) // STRIDE + 1
