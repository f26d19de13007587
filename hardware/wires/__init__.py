"""Arrays with resistive lines, solved."""
