"""Programmed arrays of devices: what crossbars of spiking networks and layers of torch have in
common.
"""
