"""One fixture runs a test on every backend present."""

from __future__ import annotations

import pytest

from potentia.kernels.backend import Backend, load

BACKENDS = ["cpu", "reference"]  # a backend on a device joins as pytest.param(name, marks=pytest.mark.gpu)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    """A backend; its kernels are attributes."""
    return load(request.param)
