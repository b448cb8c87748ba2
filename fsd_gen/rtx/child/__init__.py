"""The process that renders with RTX, under a Python of its own.

Isaac Sim brings an interpreter with libraries of its own versions, and none of ours: what stands in this
folder imports the standard library, numpy, and the renderer inside `engines/`, nothing else of this
project. `boot.py` starts it by its path, so that no folder of packages of ours gets onto that interpreter's
path.
"""
