"""Sounds and arrays turned into spikes."""
