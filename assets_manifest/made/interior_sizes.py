"""Lengths that a room's plan has to know of made things before they are made, metres."""

from __future__ import annotations

CURTAIN_DEPTH_M = 0.1
DOOR_DEPTH_M = 0.09  # frame, leaf and handle before the wall
WINDOW_DEPTH_M = 0.07
RADIATOR_DEPTH_M = 0.1
STAND_M = 0.22  # width of a lamp's foot
CORD_M = 0.1  # width of a pendant's rose
FACADE_M = 15.0  # of the real world in one façade
RUG_M = 0.016  # of a rug at its highest over the floor
