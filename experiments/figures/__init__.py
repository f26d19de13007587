"""Figures that several experiments or documents share."""
