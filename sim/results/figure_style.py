"""The look of all figures, and what they have in common: axes, colours, labels, legends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from ...errors import DependencyError
from .. import validation as check

if TYPE_CHECKING:
    from matplotlib.axes import Axes

P = ParamSpec("P")
T = TypeVar("T")
COLOURS: Final = ("#2f5d8a", "#c0563b", "#4f8a5b", "#8064a2", "#b8902f", "#5c6770")
INK, PALE = "#2b2f33", "#d9dde1"
PREFIXES: Final = {-12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M"}
MOST_LETTERS: Final = 60  # of a name
STYLE: Final[dict[str, Any]] = {
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.labelsize": 8.5,
    "axes.titlelocation": "left",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.formatter.limits": (-3, 4),
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.1,
    "figure.dpi": 110,
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
}


@contextmanager
def style() -> Iterator[Any]:
    """The look of all figures for the time being; yields `matplotlib.pyplot`.

    Raises DependencyError.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise DependencyError(
            "figures need matplotlib; install it with pip install potentia[plot]"
        ) from None
    with plt.rc_context(cast(Any, STYLE)):
        yield plt


def styled(plot: Callable[P, T]) -> Callable[P, T]:
    """`plot`, with everything that it plots in the look of all figures."""

    @wraps(plot)
    def plotted(*args: P.args, **kwargs: P.kwargs) -> T:
        with style():
            return plot(*args, **kwargs)

    return plotted


def label_of(name: str) -> str:
    """A name as it stands: matplotlib would take what is between two dollars for a formula."""
    return name[:MOST_LETTERS].replace("$", r"\$")


def axes_of(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """The Axes given, or new ones of this size [inch]."""
    with style() as plt:
        if ax is not None:
            check.instance("figures", "ax", ax, plt.Axes, optional=True)
            return ax
        return plt.subplots(figsize=size)[1]  # type: ignore[no-any-return]


def colours(n: int) -> list[str]:
    """The first n colours, over and over again."""
    return [COLOURS[k % len(COLOURS)] for k in range(n)]


def prefixed(values: NDArray[Any], unit: str) -> tuple[float, str]:
    """The factor and the unit with a prefix that make `values` easy to read."""
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    if unit in ("", "1", "Hz") or largest == 0.0 or not np.isfinite(largest):
        return 1.0, "" if unit == "1" else unit
    power = int(np.clip(3 * np.floor(np.log10(largest) / 3), min(PREFIXES), max(PREFIXES)))
    return 10.0**-power, PREFIXES[power] + unit


def show_span(ax: Axes, records: Any) -> None:
    """Let the axis of time reach from the first start to the last stop of the records."""
    spans = [(record.start, record.stop) for record in records if record.stop > record.start]
    if spans:
        ax.set_xlim(min(start for start, _ in spans), max(stop for _, stop in spans))


def legend(ax: Axes, title: str | None = None) -> None:
    """A legend above the axes, where it hides nothing."""
    handles, labels = ax.get_legend_handles_labels()
    shown = [f"{title} {label}" for label in labels] if title else labels
    look = {"borderaxespad": 0.0, "handlelength": 1.1, "columnspacing": 1.4}
    if handles:
        ax.legend(
            handles, shown, loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=len(shown), **look
        )
