"""Resistive memory devices: writing, ageing, noise, faults, and published cells."""
