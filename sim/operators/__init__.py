"""Signals, operators and synapses: what a compiled network is made of."""
