"""How work runs: the Ray farm, run directories, atomic files, progress.

Knows nothing of scenes, models or datasets, and imports nothing of ours.
"""
