"""What stands behind the fake modules beside this one: a Kit that forgives nothing.

The modules `isaacsim`, `carb`, `omni.usd` and `omni.replicator.core` have the names, signatures and orders
that NVIDIA documents for a version, and no others; a wrong call raises what the real one raises, and where
the real one only warns and then renders nonsense, an error. What is asked for wrongly in time (a step too
early, a setting that a stage put back) gives the black, grey or old pictures that it would give there.

Environment: ISAAC_PATH (folder with the file VERSION), FAKE_PICTURES ("plain": numbers drawn from the stage's
name; "cast": our caster with plain shading; "mitsuba"), FAKE_FAULTS (JSON), FAKE_ONCE (a path: faults happen
in the first process only), FAKE_JOURNAL (a path, in which PID is the process: what every step was asked for).
"""
