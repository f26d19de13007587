"""Pulses on device pairs: Numba against NumPy, the published law, the mean of random rounding."""

import numpy as np
import pytest

from potentia.kernels import backend as backends
from potentia.kernels.cpu import pulses as cpu
from potentia.kernels.reference import pulses as reference

G_MIN, G_MAX = 1e-6, 21e-6
KEY = np.uint64(2**63 + 5)
LINEAR = {
    "g_min": G_MIN,
    "g_max": G_MAX,
    "levels": 50,
    "nonlinearity_up": 0.0,
    "nonlinearity_down": 0.0,
}


PROCESSORS = ("cpu", "reference")  # the gpu has no kernels for devices


@pytest.fixture(scope="module", params=PROCESSORS)
def backend(request):
    return backends.load(request.param)


def program(
    backend,
    plus,
    minus,
    proposals,
    step=3,
    *,
    low=-np.inf,
    high=np.inf,
    cycle_noise=0.0,
    stuck=((), ()),
    sample=0,
    **response,
):
    """Carry out ``proposals`` (synapse, change) on copies, weight = 1e5 * (plus - minus)."""
    plus, minus, pulses = np.array(plus, float), np.array(minus, float), np.zeros(1, np.int64)
    synapse = np.array([s for s, _ in proposals], np.uint32)
    change = np.array([dw for _, dw in proposals], float)
    proposed, constants = np.array([len(proposals)]), {**LINEAR, **response}
    done = backend.pulse_step(
        step,
        KEY,
        np.array([sample]),
        synapse,
        change,
        proposed,
        low,
        high,
        plus,
        minus,
        *(np.array(side, np.uint8) for side in stuck),
        1e5,
        *constants.values(),
        cycle_noise,
        pulses,
        turns := np.zeros(plus.size, np.uint8),
    )
    assert not turns.any()
    assert done == len(proposals)
    assert proposed[0] == 0
    return plus, minus, int(pulses[0])


@pytest.mark.parametrize("nonlinearity", [0.0, 0.4, 3.0])
@pytest.mark.parametrize("room", [cpu, reference])
def test_pulses_follow_the_published_curves(room, nonlinearity):
    """n pulses from g_min give G(n) = B (1 - exp(-n / A)) + g_min, from g_max its mirror image
    (Chen).
    """
    levels, n, span = 40, np.arange(41), G_MAX - G_MIN
    shape = (
        n / levels
        if nonlinearity == 0
        else np.expm1(-nonlinearity * n / levels) / np.expm1(-nonlinearity)
    )
    constants = (0.0, G_MIN, G_MAX, levels, nonlinearity)
    up = [float(room.pulsed(G_MIN, True, int(k), *constants)) for k in n]
    down = [float(room.pulsed(G_MAX, False, int(k), *constants)) for k in n]
    np.testing.assert_allclose(up, G_MIN + span * shape, rtol=1e-12)
    np.testing.assert_allclose(down, G_MAX - span * shape, rtol=1e-12)
    one_by_one = G_MIN
    for k in n[1:]:
        one_by_one = float(room.pulsed(one_by_one, True, 1, *constants))
        assert one_by_one == pytest.approx(up[k], rel=1e-11)


def test_backends_agree():
    """Random proposals with noise, bounds and nonlinearity leave the same conductances, to
    rounding.
    """
    rng = np.random.default_rng(4)
    # some below g_min: no filament
    plus, minus = (
        rng.uniform(0, G_MAX, 60),
        rng.uniform(0, G_MAX, 60),
    )
    proposals = list(zip(rng.integers(0, 60, 400), rng.normal(0, 0.2, 400), strict=True))
    options = {
        "low": -1.0,
        "high": 1.5,
        "cycle_noise": 0.02,
        "nonlinearity_up": 1.2,
        "nonlinearity_down": 0.3,
        "stuck": rng.integers(0, 2, (2, 60)),
    }
    outcomes = [
        program(backends.load(name), plus, minus, proposals, **options) for name in PROCESSORS
    ]
    for first, second in zip(*outcomes, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-12)
    changed, unchanged = outcomes[0][0], plus < G_MIN
    np.testing.assert_array_equal(changed[unchanged], plus[unchanged])
    assert changed[~unchanged].min() >= G_MIN
    assert changed[~unchanged].max() <= G_MAX


def test_random_rounding_has_the_right_mean(backend):
    """A tenth of a nominal step becomes a whole pulse once in ten: the mean to five standard
    errors.
    """
    n, nominal = 2000, 1e5 * (G_MAX - G_MIN) / 50
    plus, _, pulses = program(
        backend, np.full(n, 10e-6), np.full(n, G_MIN), [(s, 0.1 * nominal) for s in range(n)]
    )
    assert pulses == pytest.approx(0.1 * n, abs=5 * np.sqrt(0.09 * n))
    assert (plus.sum() - n * 10e-6) * 1e5 == pytest.approx(pulses * nominal, rel=1e-9)


def test_draws_do_not_depend_on_what_is_proposed_for_others(backend):
    """A synapse finds the same numbers wherever its proposals stand in the list; several of one
    step find different ones: halves of a pulse are not all rounded alike.
    """
    n, nominal = 300, 1e5 * (G_MAX - G_MIN) / 50
    start = np.full(n, 10e-6), np.full(n, G_MIN)
    proposals = [(s, 0.5 * nominal) for _ in range(3) for s in range(n)]
    order = np.random.default_rng(1).permutation(3 * n)
    plain, mixed = (
        program(backend, *start, given, cycle_noise=0.01)
        for given in (proposals, [proposals[k] for k in order])
    )
    np.testing.assert_array_equal(plain[0], mixed[0])
    assert plain[2] == mixed[2]
    moves = np.rint((program(backend, *start, proposals)[0] - 10e-6) * 1e5 / nominal)
    assert set(np.unique(moves)) == {0, 1, 2, 3}


def test_each_sample_of_a_batch_draws_numbers_of_its_own(backend):
    """Halves of a pulse are rounded up at other synapses, and jitter is another one: in any two
    samples the moves are as good as uncorrelated, five standard errors at most.
    """
    n, nominal = 4000, 1e5 * (G_MAX - G_MIN) / 50
    proposals = [(s, 2.5 * nominal) for s in range(n)]
    moves = np.array(
        [
            program(
                backend,
                np.full(n, 10e-6),
                np.full(n, G_MIN),
                proposals,
                cycle_noise=0.01,
                sample=sample,
            )[0]
            for sample in (0, 1, 2, -1)
        ]
    )
    assert moves.std(axis=1).min() > 0.1 * (G_MAX - G_MIN) / 50
    apart = np.corrcoef(moves)[np.triu_indices(4, 1)]
    assert np.abs(apart).max() < 5 / np.sqrt(n)


def test_the_partner_takes_over_at_the_bound(backend):
    """A rise goes to `plus` up to g_max, then lowers `minus`; a fall empties `plus`, then raises
    `minus`.
    """
    step = 1e5 * (G_MAX - G_MIN) / 50
    plus, minus, _ = program(
        backend, [G_MAX, G_MIN, 10e-6], [10e-6] * 3, [(0, 5 * step), (1, -5 * step), (2, step)]
    )
    moved = 5 * (G_MAX - G_MIN) / 50
    np.testing.assert_allclose(plus, [G_MAX, G_MIN, 10e-6 + moved / 5], rtol=1e-12)
    np.testing.assert_allclose(minus, [10e-6 - moved, 10e-6 + moved, 10e-6], rtol=1e-12)


def test_the_rules_bounds_hold_back_pulses(backend):
    """No pulse where the weight is at the rule's bound, and no more than reach it in the mean."""
    plus, minus, pulses = program(
        backend, [10e-6, 10e-6], [G_MIN, G_MIN], [(0, 5.0), (1, -5.0)], low=0.9, high=0.9
    )
    assert pulses == 0
    np.testing.assert_array_equal(plus, [10e-6, 10e-6])
    plus, minus, pulses = program(backend, [10e-6], [G_MIN], [(0, 5.0)], high=1.1)
    assert pulses == 5
    assert 1e5 * (plus[0] - minus[0]) == pytest.approx(1.1, rel=1e-12)


def test_cycle_noise_grows_with_the_root_of_the_number(backend):
    """4 pulses scatter by twice the noise of one: within five standard errors, 1 / sqrt(2 n)."""
    n, step = 2000, 1e5 * (G_MAX - G_MIN) / 50
    plus, _, _ = program(
        backend,
        np.full(n, 10e-6),
        np.full(n, G_MIN),
        [(s, 4 * step) for s in range(n)],
        cycle_noise=0.01,
    )
    x = (plus - 10e-6) / (G_MAX - G_MIN)
    assert x.std() == pytest.approx(0.02, rel=5 / np.sqrt(2 * n))
    assert x.mean() == pytest.approx(4 / 50, abs=5 * 0.02 / np.sqrt(n))


def test_a_stuck_device_does_not_answer(backend):
    """Pulses go to its partner, the other way; where both are stuck, nowhere."""
    start, stuck = np.full(3, 11e-6), ([0, 1, 1], [0, 0, 1])
    plus, minus, pulses = program(
        backend, start, start, [(0, 0.1), (1, 0.1), (2, 0.1)], stuck=stuck
    )
    assert plus[0] > 11e-6
    assert minus[0] == 11e-6
    assert plus[1] == 11e-6
    assert minus[1] < 11e-6
    assert plus[2] == minus[2] == 11e-6
    assert pulses > 0
