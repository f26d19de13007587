"""Programmed arrays of devices.

They are what crossbars of spiking networks and layers of torch have in common.
"""
