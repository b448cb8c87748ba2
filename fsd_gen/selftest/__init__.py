"""A backend on known scenes: its probe, its depth, its images; what `fsd-gen selftest` prints."""
