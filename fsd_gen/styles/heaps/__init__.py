"""Small things on surfaces: where they can stand, how they are let go, what physics makes of it."""
