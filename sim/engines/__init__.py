"""What carries a simulation on: step by step (clock) or from event to event."""
