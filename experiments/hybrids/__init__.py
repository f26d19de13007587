"""Convolution, spiking core on a crossbar and readout, trained as one."""
