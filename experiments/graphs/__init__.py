"""Recurrent networks on random graphs: tasks, wirings, training, and what correlates with what."""
