"""What the pack is called and what it is made from."""

from __future__ import annotations

from assets_manifest.downloads import Archive

NAME = "sweethome3d"
CONVERTER = 4  # raise it when the same models would convert to something else
PACKAGE = Archive(
    tool="apt",
    package="sweethome3d-furniture",
    version="1.8-1",
    pattern="sweethome3d-furniture_*.deb",
    sha256="3ccb90c63f9525e887a767b9cd5c8b6933b8b6b2973a615a5359ee68a2118668",
)
VERSION = f"{PACKAGE.version}+converter.{CONVERTER}"
