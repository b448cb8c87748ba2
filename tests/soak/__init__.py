"""`make soak`: runs of the real `fsd-gen render`, whose processes are killed, frozen and told to stop.

    python -m tests.soak --kills 1000 --seed 1 --out runs/soak [--resume]

Every run has a plan that follows from the seed: how it is made (in one process, on a farm, with renderers in
processes of their own, on a joined cluster), and its weather (a slow disk, a full one, clocks that are hours
apart, a leak, workers that freeze). Its processes are struck again and again, and the same command is given
again, until the run is finished. Then it is held against a run of the same configuration that nobody struck.

The moments are drawn too, but what a process does at one is never twice the same: a seed repeats the plan of
a run, not its every step.
"""
