"""Rules of plain functions: every way to run them comes to what their dense reference does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .random_rules import Scene, rules

WAYS = {
    "one thread": {"threads": 1},
    "two threads": {"threads": 2},
    "reference": {"backend": "reference"},
    "torch": {"backend": "torch"},
}
# functions are compiled anew for each rule that is drawn
FEW = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
CLOSE = 1e-10  # in the unit of the weights, of order 1; traces are scaled by up to exp(16)


@pytest.mark.parametrize("way", WAYS)
@FEW
@given(rule=rules(), seed=st.integers(0, 99))
def test_random_rules_on_the_clock(way, rule, seed):
    scene = Scene(rule, seed=seed)
    np.testing.assert_allclose(scene.learned(**WAYS[way]), scene.dense(), rtol=0, atol=CLOSE)


@FEW
@given(rule=rules(steps=False), seed=st.integers(0, 99))
def test_random_rules_on_the_event_engine(rule, seed):
    scene = Scene(rule, seed=seed)
    np.testing.assert_allclose(scene.learned(engine="event"), scene.dense(), rtol=0, atol=CLOSE)
