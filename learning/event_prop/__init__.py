"""Exact gradients of spiking networks on no grid, for PyTorch."""
