"""Errors about the files of assets, free of the libraries that read them."""

from __future__ import annotations


class MeshError(ValueError):
    """An asset's file holds no shape that can be used; the message names the file and what it lacks."""
