"""Damaged and hostile files of every kind, thrown at what reads them: `make attack`.

    trials.py     what a trial is, its outcome, the table
    bounded.py    trials in a process of their own, with limits of time and memory
    flips.py      shards with flipped bits, cut short, overwritten; files of others
    hostile.py    shards of valid HDF5 that declare absurd sizes or link elsewhere; hostile_content.py
    weights.py    checkpoints with code in them, of other formats, with absurd declarations
    archives.py   zip and tar archives that write elsewhere or never end
    texts.py      YAML that runs code or explodes; ids and names that are paths
    pages.py      HTML in every name

The same seed gives the same files. Nothing is written outside of a scratch folder, which is what the
archives and ids try.
"""
