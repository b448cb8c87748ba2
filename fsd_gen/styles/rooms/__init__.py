"""Rooms: what they are made of, what stands together in them, what hangs on their walls, their light."""
