"""Recordings that experiments read, and what makes events and frames of them."""
