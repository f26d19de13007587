"""Potentia: a simulator for neuromorphic and energy-based computing."""

__version__ = "0.1.0"
