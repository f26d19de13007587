"""From a description to a plan, the ordered list of operators that is a run."""
