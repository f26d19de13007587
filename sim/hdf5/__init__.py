"""HDF5 written through its library, and read without it."""
