"""What users write down: networks, neurons, stimuli, connectivity, stores and rules.

Nothing here computes.
"""
