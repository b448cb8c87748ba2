"""What this machine can render with, and what it lacks: `fsd-gen doctor`."""
