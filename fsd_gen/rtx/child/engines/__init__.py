"""The renderers of this process, one module each; a module is imported in the process that renders with it."""
