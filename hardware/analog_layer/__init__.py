"""A linear layer for torch whose weights live on emulated devices."""
