"""Whatever is drawn from one key for different purposes is independent: every pair of purposes,
correlated.
"""

from __future__ import annotations

import copy
import io
import itertools
from dataclasses import replace

import numpy as np
import pytest

from potentia.hardware import (
    ADC,
    DAC,
    BreakdownReRAM,
    Endurance,
    Flicker,
    LogarithmicRelaxation,
    Macro40nm,
    Polynomial,
    PowerDrift,
    PulsedReRAM,
    StuckAt,
    Telegraph,
    Widening,
)

N, KEY = 60_000, 1234567
G = np.full(N, 8e-6)
FLAT, NONE = Polynomial(coefficients=(1.0,)), Polynomial(coefficients=(0.0,))
CELL = PulsedReRAM(g_min=0.0, g_max=20e-6)
FLICKER = Flicker(unit=1e-6, amplitude=Polynomial(coefficients=(0.01,)), read_time=1e-6)
TRAPS = Telegraph(share=0.5, median=0.1, sigma=0.5, occupancy=0.5)
LAWS = {
    "drift": PowerDrift(t0=1.0, unit=1e-6, mean=FLAT, sd=Polynomial(coefficients=(0.1,))),
    "relaxation": LogarithmicRelaxation(t0=1.0, shift=0.0, sd=1e-7, sd_growth=0.0),
    "widening": Widening(
        times=(1.0, 100.0), unit=1e-6, sds=(NONE, Polynomial(coefficients=(1e-7,)))
    ),
}


def drawn(key=KEY):
    """One number for each cell or converter and purpose, from one key."""
    full = replace(CELL, flicker=FLICKER, telegraph=TRAPS)
    worn = replace(CELL, endurance=Endurance(cycles=10.0, shape=1.0, fails_to="rest"))
    values = {
        "write": replace(CELL, write_error=0.02).write(G, key),
        "write, cycle 1": replace(CELL, write_error=0.02).write(G, key, cycle=1),
        "spread": replace(CELL, device_spread=0.1).write(G, key),
        "stuck": replace(CELL, faults=StuckAt(low=0.3, high=0.3)).stuck(N, key),
        "worn": worn.worn(G, 7.0, key),
        "white": replace(CELL, read_noise=0.02).read(G, key),
        "1/f": replace(CELL, flicker=FLICKER).read(G, 0, 1.0, cells=key),
        "1/f of single readings": replace(CELL, flicker=FLICKER).read(G, 0, 1.0, history=key + 1),
        "traps": full.telegraph.amplitudes(N, key),
        "telegraph": replace(CELL, telegraph=replace(TRAPS, share=1.0, sigma=0.0)).read(G, key),
        "macro": Macro40nm(rows=200, columns=N // 200).form(key).ravel(),
    }
    for name, law in LAWS.items():
        values[name] = law.aged(G, 50.0, key)
        values[f"{name} of a cell"] = replace(CELL, ageing=(law,)).aged(G, 50.0, key)
        values[f"{name}, second law"] = replace(CELL, ageing=(LAWS["drift"], law)).aged(
            G, 50.0, key
        )
    for kind in (ADC, DAC):
        for error in ("offset", "gain", "inl", "dnl"):
            converter = kind(bits=3, **{error: 0.1})
            values[f"{kind.__name__} {error}"] = converter.errors(N, key)[
                :, 3 if error != "gain" else -1
            ]
    return {name: (value - value.mean()) / value.std() for name, value in values.items()}


def assert_apart(columns, names, *, but=()):
    """No pair of columns (n,) is correlated, nor are their magnitudes: 6 standard errors."""
    n = len(columns[0])
    table = np.corrcoef(np.concatenate([columns, np.abs(columns)]))
    limit, count = 6 / np.sqrt(n), len(names)
    for i, j in itertools.combinations(range(count), 2):
        if {names[i], names[j]} in but:
            continue
        for a, b in itertools.product((i, i + count), (j, j + count)):
            if not np.isnan(table[a, b]):  # magnitudes that are all the same
                assert abs(table[a, b]) < limit, (names[i], names[j], table[a, b])


def test_no_two_purposes_share_a_draw():
    values = drawn()
    names = list(values)
    same = [{f"{name} of a cell", f"{other}, second law"} for name in LAWS for other in LAWS]
    # all drift first
    same += [{f"{one}, second law", f"{other}, second law"} for one in LAWS for other in LAWS]
    assert_apart(list(values.values()), names, but=same)


def test_no_two_keys_share_a_draw():
    one, other = drawn(), drawn(KEY + 1)
    assert_apart(
        [*one.values(), *other.values()],
        [*one, *(f"{name} again" for name in other)],
        but=[
            {a, b}
            for names in (list(one), [f"{name} again" for name in other])
            for a in names
            for b in names
        ]
        + [{"1/f of single readings", "1/f again"}],
    )


def test_forming_is_independent_of_reading():
    cell = BreakdownReRAM()
    formed = cell.write(np.full(N, cell.full), KEY)
    noise = cell.read(formed, KEY) / np.maximum(formed, 1e-12) - 1.0
    broken = formed > 0
    logs = np.log(formed[broken])
    assert_apart([logs - logs.mean(), noise[broken]], ["forming", "reading"])


torch = pytest.importorskip("torch")
from potentia.hardware import AnalogLinear  # noqa: E402

NOISY = replace(CELL, write_error=0.05, read_noise=0.05)


def errors(layer):
    """What writing did to the cells of both sides, and two readings' noise of the columns."""
    layer.eval()
    written = [side.double().numpy().ravel() for side in layer.program(5).conductances()[0]]
    aim = layer.mapping.split(
        (layer.weight.T / layer.weight.abs().max()).detach(), layer.device.g_min, layer.device.g_max
    )
    with torch.no_grad():
        read = [layer(torch.ones(60, layer.in_features)).numpy() for _ in range(2)]
    off = [w - a.double().numpy().ravel() for w, a in zip(written, aim[0], strict=True)]
    return off + [(r - r.mean(axis=0)).ravel() for r in read]


def test_layers_of_one_size_have_devices_of_their_own():
    """By default, and again the same ones after the same `torch.manual_seed`, without moving the
    initial weights.
    """

    def made():
        torch.manual_seed(3)
        return [AnalogLinear(100, 80, device=NOISY, adc=None, dac=None) for _ in range(3)]

    layers, again = made(), made()
    seeds = [layer.seed for layer in layers]
    assert len(set(seeds)) == 3
    assert seeds == [layer.seed for layer in again]
    torch.manual_seed(3)
    for layer in layers:
        linear = torch.nn.Linear(100, 80)
        np.testing.assert_array_equal(layer.weight.detach(), linear.weight.detach())
    with torch.no_grad():
        for layer in (*layers, *again):
            layer.eval().weight.fill_(0.5).view(-1)[0] = 1.0
    written, same = (
        [layer.program().conductances()[0][0].double().numpy().ravel()[1:] for layer in made]
        for made in (layers, again)
    )
    np.testing.assert_array_equal(written, same)
    assert_apart([cells - cells.mean() for cells in written], ["first", "second", "third"])


def test_a_layer_keeps_its_streams_apart():
    """Both sides, writing and reading, one reading and the next."""
    torch.manual_seed(1)
    layer = AnalogLinear(70, 70, device=NOISY, adc=None, dac=None)
    columns = errors(layer)
    n = min(len(column) for column in columns)
    assert_apart([column[:n] for column in columns], ["plus", "minus", "first", "second"])


def test_a_seed_goes_where_the_layer_goes():
    """An explicit seed counts; copies, pickles and loaded states go on with the same draws."""
    assert AnalogLinear(3, 2, device=NOISY, seed=2**64 - 1).seed == 2**64 - 1
    layer, x = AnalogLinear(30, 20, device=NOISY).eval().program(), torch.randn(4, 30)
    kept = io.BytesIO()
    torch.save(layer, kept)
    kept.seek(0)
    loaded = AnalogLinear(30, 20, device=NOISY).eval()
    assert loaded.seed != layer.seed
    loaded.load_state_dict(layer.state_dict())
    twins = [copy.deepcopy(layer), torch.load(kept, weights_only=False), loaded]
    with torch.no_grad():
        y = layer(x)
        for twin in twins:
            np.testing.assert_array_equal(twin(x), y)
    before = {name: value for name, value in layer.state_dict().items() if name != "streams"}
    own = loaded.seed
    loaded.load_state_dict(before)
    assert loaded.seed == own
    linear = torch.nn.Linear(5, 5)
    pair = [AnalogLinear.from_linear(linear, device=NOISY) for _ in range(2)]
    assert pair[0].seed != pair[1].seed
