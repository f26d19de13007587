"""Marks by which arrivals wake shards.

A kernel that adds to a receptor sets the mark of its target, and a marked shard wakes from its nap.
"""

MARKED = 10  # log2 of the entries of a region of memory that share a mark
