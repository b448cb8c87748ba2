"""Places out of doors: what stands in a street, a yard or a park, and where a camera may stand."""
