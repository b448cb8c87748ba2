"""The packs that are shipped, one module each; `assets_manifest.registry` finds them by their RECIPE."""
