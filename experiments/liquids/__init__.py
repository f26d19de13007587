"""Liquid state machines: the network, its study on memory devices, and readouts."""
