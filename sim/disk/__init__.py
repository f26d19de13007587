"""Files that appear whole or not at all, are locked by one writer, and are read without trust."""
