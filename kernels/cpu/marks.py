"""Marks by which kernels that add to receptors wake shards of populations."""

MARKED = 10  # log2 of the places in memory that share a mark
