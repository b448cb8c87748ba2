"""A stage of the user's as the place where scenes are: where a camera can stand in it, and what it sees.

Nothing here asks a renderer: places are found with rays against the stage's triangles.
"""
