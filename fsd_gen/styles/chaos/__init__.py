"""What surrounds flying objects: backdrops at several depths, and lights of every kind."""
