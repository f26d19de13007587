"""Cells that have been published, by name.

Ask for ``presets.pcm_nandakumar()`` or ``presets.get("pcm-nandakumar")``.

Each returns a `Device` for ``Crossbar(...)`` with the figures of its source;
``dataclasses.replace(cell, faults=...)`` gives it faults, an endurance or telegraph noise, which
none of the sources has figures for. Asked outside of what was measured, presets and their cells
warn with the range (`PotentiaWarning`) and go on.

A cell whose laws are curves over x = g / g_max takes another g_max as another cell of the same
shape: all errors are scaled with it. (aihwkit 1.1 leaves those of its Wan 2022 model as they are at
40 uS.) A cell whose laws are curves over the conductance itself just uses another part of its
range.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ...sim import validation as check
from .ageing import LogarithmicRelaxation, PowerDrift, Widening
from .breakdown import BreakdownReRAM
from .device import Device
from .laws import Logarithm, Pieces, Polynomial, Power
from .measured import SAME, Measured, ask
from .multilevel import MultilevelCell
from .noise import Flicker

MICRO: Final = 1e-6
DAY: Final = 86400.0  # [s]


def breakdown_taox(*, forming_voltage: float = 3.431) -> BreakdownReRAM:
    """TaOx cells, 40 nm, of which forming breaks about half down.

    A share of 0.507 stays insulating at 3.431 V.

    Wang et al. (2023), doi:10.1038/s42256-023-00609-5: 400 breakdown voltages between 3.14 and 3.70
    V, see `BreakdownReRAM`.
    """
    cell = BreakdownReRAM(forming_voltage=forming_voltage)
    _ask(
        "breakdown_taox", "forming_voltage", forming_voltage, (3.14, 3.70), "V", "Wang et al. 2023"
    )
    return cell


def hfox_neurram(*, g_max: float = 40e-6) -> MultilevelCell:
    """HfOx cells of the NeuRRAM chip, 40 uS.

    Errors after 1 s, 1 day and 2 days, read noise of about 1 %.

    Wan et al. (2022), doi:10.1038/s41586-022-04992-8; polynomials as fitted in aihwkit
    (ReRamWan2022NoiseModel).
    """
    g_max = check.within("hfox_neurram", "g_max", g_max, above=0.0, unit="S")
    scale = _scale("hfox_neurram", g_max, 40e-6, "Wan et al. 2022")
    laws = (
        (0.348, 16.030, -43.853, 45.393, -16.815),
        (0.701, 22.086, -50.773, 47.095, -16.458),
        (0.782, 20.274, -43.507, 37.062, -11.934),
    )
    first, *later = (_polynomial(law, scale) for law in laws)
    return MultilevelCell(
        g_min=0.0,
        g_max=g_max,
        unit=g_max,
        programming=first,
        read_noise=0.01,
        ageing=(Widening(times=(1.0, DAY, 2 * DAY), unit=g_max, sds=(first, *later)),),
        measured=Measured(
            source="Wan et al. 2022", conductance=(0.0, g_max), seconds=(1.0, 2 * DAY)
        ),
    )


def hfox_neurram_cubic(*, g_max: float = 39.26e-6) -> MultilevelCell:
    """The cells of `hfox_neurram` after 1 s by another fit.

    1.053 + 0.2374 G - 0.01167 G**2 + 1.536e-4 G**3 uS, up to 39.26 uS.

    Wan et al. (2022), doi:10.1038/s41586-022-04992-8, extended data figure 3, as fitted in CrossSim
    (RRAM_Wan).
    """
    g_max = check.within("hfox_neurram_cubic", "g_max", g_max, above=0.0, unit="S")
    source, law = "fit of CrossSim to Wan et al. 2022", (1.053, 0.2374, -0.01167, 1.536e-4)
    measured = Measured(source=source, conductance=(0.0, 39.26e-6), seconds=(0.0, 1.0))
    return _absolute("hfox_neurram_cubic", 0.0, g_max, law, measured, read_noise=0.01)


def hfo2_milo(*, g_min: float = 50e-6, g_max: float = 225e-6) -> MultilevelCell:
    """HfO2 cells, 50 to 225 uS, programmed and verified to many levels: sd = 4.782 - 0.009107 G uS.

    Milo et al. (2021), doi:10.1109/IRPS46558.2021.9405119, figure 4 (IGVVA-100), as fitted in
    CrossSim (RRAM_Milo). Read noise and ageing are unknown there.
    """
    g_min = check.within("hfo2_milo", "g_min", g_min, least=0.0, unit="S")
    g_max = check.within("hfo2_milo", "g_max", g_max, above=0.0, unit="S")
    measured = Measured(source="Milo et al. 2021", conductance=(50e-6, 225e-6), seconds=(0.0, 1.0))
    return _absolute("hfo2_milo", g_min, g_max, (4.782321, -0.009107), measured)


def cmo_hfox(
    *, g_min: float = 9e-6, g_max: float = 88.19e-6, acceptance: float = 0.002
) -> MultilevelCell:
    """CMO/HfOx cells, 9 to 88.19 uS, verified to within `acceptance` (0.002 or 0.02) of the target.

    Error of writing 0.00081 + 0.00107 G or 0.0112 + 0.0113 G uS; from 1 s on a shift of -0.089 ln t
    uS and a spread of 0.412 + 0.042 ln t uS; 1/f noise of 0.0277 log10(G) sqrt(ln((t + tr) / (2
    tr))) uS, tr = 1 us. Falcone et al. (2025), arXiv:2502.04524, as in aihwkit
    (ReRamCMONoiseModel), which does not say up to which time.
    """
    g_min = check.within("cmo_hfox", "g_min", g_min, least=0.0, unit="S")
    g_max = check.within("cmo_hfox", "g_max", g_max, above=0.0, unit="S")
    laws = {0.002: (0.00081107, 0.00106879), 0.02: (0.0112185391, 0.01129027418)}
    acceptance = check.real("cmo_hfox", "acceptance", acceptance)
    if acceptance not in laws:
        raise check.fail(
            "cmo_hfox", "acceptance", "must be 0.002 or 0.02 of the target", acceptance
        )
    measured = Measured(source="Falcone et al. 2025", conductance=(9e-6, 88.19e-6))
    slope = 0.0277316483 / 2.302585092994046  # of the natural logarithm
    relaxation = LogarithmicRelaxation(
        t0=1.0, shift=-0.08900206 * MICRO, sd=0.41183342 * MICRO, sd_growth=0.04201137 * MICRO
    )
    amplitude = Logarithm(offset=0.0, slope=slope * MICRO, low=0.0)
    flicker = Flicker(unit=MICRO, amplitude=amplitude, read_time=1e-6, relative=False)
    return _absolute(
        "cmo_hfox", g_min, g_max, laws[acceptance], measured, ageing=(relaxation,), flicker=flicker
    )


def pcm_nandakumar(*, g_max: float = 25e-6) -> MultilevelCell:
    """Phase-change cells, 25 uS: error of writing, drift from 20 s on, 1/f noise.

    sd = 0.26348 + 1.965 x - 1.1731 x**2 uS; nu of mean clip(-0.0155 ln x + 0.0244, 0.049, 0.1) and
    sd clip(-0.0125 ln x - 0.0059, 0.008, 0.045); Q = min(0.2, 0.0088 x**-0.65), read time 250 ns.
    Nandakumar et al. (2019), doi:10.1109/ICECS46596.2019.8964852, as in aihwkit
    (PCMLikeNoiseModel).
    """
    g_max = check.within("pcm_nandakumar", "g_max", g_max, above=0.0, unit="S")
    scale = _scale("pcm_nandakumar", g_max, 25e-6, "Nandakumar et al. 2019")
    drift = PowerDrift(
        t0=20.0,
        unit=g_max,
        mean=Logarithm(offset=0.0244, slope=-0.0155, low=0.049, high=0.1),
        sd=Logarithm(offset=-0.0059, slope=-0.0125, low=0.008, high=0.045),
    )
    amplitude = Power(factor=0.0088, exponent=-0.65, high=0.2)
    return MultilevelCell(
        g_min=0.0,
        g_max=g_max,
        unit=g_max,
        programming=_polynomial((0.26348, 1.9650, -1.1731), scale),
        ageing=(drift,),
        flicker=Flicker(unit=g_max, amplitude=amplitude, read_time=250e-9),
        measured=Measured(source="Nandakumar et al. 2019", conductance=(0.0, g_max)),
    )


def pcm_joshi(*, g_min: float = 0.25e-6, g_max: float = 25e-6) -> MultilevelCell:
    """Phase-change cells, 0.25 to 25 uS, 27.36 s after writing.

    sd = -0.001788 G**2 + 0.07586 G + 0.2864 uS.

    Joshi et al. (2020), doi:10.1038/s41467-020-16108-9, figure 3b, as fitted in CrossSim
    (PCM_Joshi), which has no drift for them.
    """
    g_min = check.within("pcm_joshi", "g_min", g_min, least=0.0, unit="S")
    g_max = check.within("pcm_joshi", "g_max", g_max, above=0.0, unit="S")
    law, source = (0.28638599, 0.07585724, -0.00178767), "Joshi et al. 2020"
    measured = Measured(source=source, conductance=(0.25e-6, 25e-6), seconds=(0.0, 27.36))
    return _absolute("pcm_joshi", g_min, g_max, law, measured)


def pcm_hermes_1(*, g_max: float = 10.35e-6) -> MultilevelCell:
    """Unit cells of one phase-change device on the HERMES chip, 10.35 uS, drift from 200 s on.

    Le Gallo et al. (2023), doi:10.1038/s41928-023-01010-1, as in aihwkit (HermesNoiseModel,
    num_devices 1).
    """
    g_max = check.within("pcm_hermes_1", "g_max", g_max, above=0.0, unit="S")
    sd = Pieces(
        edge=0.3039,
        below=Logarithm(offset=-0.0023, slope=-0.0120, low=0.0124, high=0.04),
        above=Polynomial(coefficients=(0.0104, 0.0116, -0.0165)),
    )
    amplitude = Pieces(
        edge=0.1591,
        below=Logarithm(offset=0.0038, slope=-0.0078, low=0.0179, high=0.04),
        above=Polynomial(coefficients=(0.0088, 0.0768, -0.1352, 0.0664)),
    )
    law = (0.15781817, 2.32443916, -2.16310839, 0.68841818)
    return _hermes("pcm_hermes_1", g_max, 10.35e-6, law, 200.0, sd, amplitude)


def pcm_hermes_2(*, g_max: float = 20.7e-6) -> MultilevelCell:
    """Unit cells of two phase-change devices on the HERMES chip, 20.7 uS, drift from 300 s on.

    Sources as for `pcm_hermes_1`, num_devices 2; both devices are taken to hold the same
    conductance, so the chip itself drifts less.
    """
    g_max = check.within("pcm_hermes_2", "g_max", g_max, above=0.0, unit="S")
    sd = Pieces(
        edge=0.3055,
        below=Logarithm(offset=-0.0057, slope=-0.0117, low=0.0091, high=0.04),
        above=Polynomial(coefficients=(0.0073, 0.0093, -0.0118)),
    )
    amplitude = Pieces(
        edge=0.16,
        below=Logarithm(offset=-0.0069, slope=-0.0117, low=0.015, high=0.04),
        above=Polynomial(coefficients=(0.0123, 0.0211, -0.0280, 0.0069)),
    )
    law = (0.16603222, 4.71806468, -8.48101252, 4.68961419)
    return _hermes("pcm_hermes_2", g_max, 20.7e-6, law, 300.0, sd, amplitude)


NAMES: Final[Mapping[str, Callable[..., Device]]] = {
    "breakdown-taox": breakdown_taox,
    "cmo-hfox": cmo_hfox,
    "hfo2-milo": hfo2_milo,
    "hfox-neurram": hfox_neurram,
    "hfox-neurram-cubic": hfox_neurram_cubic,
    "pcm-hermes-1": pcm_hermes_1,
    "pcm-hermes-2": pcm_hermes_2,
    "pcm-joshi": pcm_joshi,
    "pcm-nandakumar": pcm_nandakumar,
}


def get(name: str, **options: Any) -> Device:
    """The preset called `name`; options as of its function.

    Raises ParameterError, which names the nearest.
    """
    return NAMES[check.one_of("presets", "name", name, NAMES)](**options)


def _hermes(
    name: str,
    g_max: float,
    characterised: float,
    law: tuple[float, ...],
    t0: float,
    sd: Pieces,
    amplitude: Pieces,
) -> MultilevelCell:
    """What both unit cells of the HERMES chip share.

    The mean exponent of the drift, and a read time of 512 ns.
    """
    source = "Le Gallo et al. 2023"
    scale = _scale(name, g_max, characterised, source)
    mean = Pieces(
        edge=0.0945,
        below=Logarithm(offset=-0.0182, slope=-0.0387, low=0.0720, high=0.13),
        above=Polynomial(coefficients=(0.0736, -0.0126, -0.0436)),
    )
    return MultilevelCell(
        g_min=0.0,
        g_max=g_max,
        unit=g_max,
        programming=_polynomial(law, scale),
        ageing=(PowerDrift(t0=t0, unit=g_max, mean=mean, sd=sd),),
        flicker=Flicker(unit=g_max, amplitude=amplitude, read_time=512e-9),
        measured=Measured(source=source, conductance=(0.0, g_max)),
    )


def _absolute(
    name: str, g_min: float, g_max: float, law: tuple[float, ...], measured: Measured, **parts: Any
) -> MultilevelCell:
    """A cell whose error of writing is a polynomial `law` [uS] of the conductance in uS."""
    cell = MultilevelCell(
        g_min=g_min,
        g_max=g_max,
        unit=MICRO,
        programming=_polynomial(law, 1.0),
        measured=measured,
        **parts,
    )
    bounds = measured.conductance or (0.0, g_max)
    _ask(name, "g_min", g_min, bounds, "S", measured.source)
    _ask(name, "g_max", g_max, bounds, "S", measured.source)
    return cell


def _scale(name: str, g_max: float, characterised: float, source: str) -> float:
    """By how much the errors grow where a cell of the same shape has another g_max [S]."""
    if abs(g_max - characterised) > SAME * characterised:
        _ask(name, "g_max", g_max, (characterised, characterised), "S", source)
    return g_max / characterised


def _polynomial(microsiemens: tuple[float, ...], scale: float) -> Polynomial:
    return Polynomial(
        coefficients=tuple(coefficient * MICRO * scale for coefficient in microsiemens)
    )


def _ask(
    name: str, field: str, value: float, bounds: tuple[float, float], unit: str, source: str
) -> None:
    ask(name, field, value, value, bounds, unit, source)
