"""What can be computed from an asset's file once and is then remembered: supports, parts, convex hulls ...

Nothing of it is in a pack's records, so packs of a user's own have it too. Each sort is one module.
"""
