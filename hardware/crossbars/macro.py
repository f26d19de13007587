"""The macro that carried the first zero-shot liquid state machine on resistive memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from ...sim import validation as check
from ...sim.seed import check_key, stream_key
from ..devices.breakdown import BreakdownReRAM
from ..periphery.tile import Tile
from .crossbar import Crossbar

Matrix = NDArray[np.float64]

SCHEMES: Final = ("pair", "mean")
UNKNOWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "converters": "bits, range and sharing",
        "read noise": "of this macro; 2 % is that of its authors' other arrays",
        "wires": "resistance per cell",
        "energy": "per read",
    }
)


@final
@dataclass(frozen=True, kw_only=True)
class Macro40nm:
    """256 Kb of TaOx cells in 40 nm, 512 x 512 with a transistor each.

    They are formed once at random and never written again.

    Lin et al. (2025), "Resistive memory-based zero-shot liquid state machine for multimodal event
    data learning", doi:10.1038/s43588-024-00751-z (arXiv 2307.00771). The cells are those of their
    echo-state networks (see `BreakdownReRAM`). What is not published stands in `UNKNOWN`; nothing
    is assumed for it.
    """

    device: BreakdownReRAM = field(default_factory=BreakdownReRAM)
    rows: int = 512
    columns: int = 512

    def __post_init__(self) -> None:
        check.keep(self, "device", check.instance, BreakdownReRAM)
        check.keep(self, "rows", check.whole, least=1)
        check.keep(self, "columns", check.whole, least=2)

    def form(self, key: int) -> Matrix:
        """The conductances (rows, columns) [S] after one forming pulse to every cell.

        They are the same for the same key.
        """
        key = check_key(self, key)
        targets = np.full(self.rows * self.columns, self.device.full)
        return self.device.write(targets, stream_key(key, "forming")).reshape(
            self.rows, self.columns
        )

    def weights(self, rows: int, columns: int, key: int, *, scheme: str = "pair") -> Matrix:
        """Random signed weights (rows, columns) [S] that the formed macro holds.

        scheme "pair": the difference of two neighbouring columns, so half as many fit; "mean": each
        cell less the mean of all. The published differential weights of the authors' macro have a
        standard deviation of 6.61 to 6.67 uS (input and recurrent), which is what "mean" gives, 6.3
        uS, rather than "pair", 8.9 uS.

        Raises ParameterError where they do not fit.
        """
        scheme = check.one_of("Macro40nm.weights", "scheme", scheme, SCHEMES)
        most = self.columns // 2 if scheme == "pair" else self.columns
        rows = check.whole("Macro40nm.weights", "rows", rows, least=1, most=self.rows)
        columns = check.whole("Macro40nm.weights", "columns", columns, least=1, most=most)
        cells = self.form(key)
        whole: Matrix = (
            cells - cells.mean()
            if scheme == "mean"
            else cells[:, : 2 * most : 2] - cells[:, 1 : 2 * most : 2]
        )
        return whole[:rows, :columns]

    def store(self, **options: Any) -> Crossbar:
        """A store that forms the weights of a projection at random.

        It does so in arrays of this size, two cells a weight. options: of `Crossbar`. Raises
        ParameterError as it does.
        """
        # plus and minus share the columns
        tile = Tile(rows=self.rows, columns=max(self.columns // 2, 1))
        chosen: dict[str, Any] = {"pairs": "both", "tile": tile} | options
        return Crossbar(self.device, **chosen)
