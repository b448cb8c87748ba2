"""The renderers, one module each, imported in the process that renders with it."""
