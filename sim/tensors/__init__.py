"""Networks on tensors: the clock engine's semantics for batches, and what torch trains."""
