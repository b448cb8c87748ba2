"""Assets of the user's own: files of strangers read, checked, converted once, and kept as a pack."""
