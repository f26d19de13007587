"""What stands around an array: tiles, mappings, input coding and converters."""
