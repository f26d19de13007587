"""Which device there is."""

from __future__ import annotations

import os

from .device import Device

SWITCH = "POTENTIA_GPU"  # environment variable; "host" or "backwards" runs kernels on the processor, slowly, for tests


def present() -> Device:
    """The device to run on. Raises DependencyError or UnsupportedError where there is none."""
    if (kind := os.environ.get(SWITCH)) in ("host", "backwards"):
        from .host import Host

        return Host(backwards=kind == "backwards")
    from .card import Card

    return Card()
