"""A farm without processes: the real driver, ledger and mailbox on a simulated cluster with its own clock.

    plan.py      what is drawn from a seed: tasks, workers, nodes, and what happens to them
    clock.py     virtual time, and answers that come later
    process.py   a worker's process: generators that pause, die, freeze and report
    letters.py   the way to the mailbox, which may be slow, cut off, or begin anew
    cluster.py   nodes, and `jobs.farm.cluster.Cluster` over all of this
    trial.py     one seed, driven to its end, and what must hold then

`python -m tests.jobs.simulated SEED` repeats one schedule and tells what happened.
"""
