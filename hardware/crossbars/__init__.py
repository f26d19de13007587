"""Synapses of spiking networks on crossbars of emulated devices."""
