"""What a machine with an NVIDIA GPU can tell about this project, in a few minutes.

    python -m benchmarks.gpu_check --out runs/gpu-check [--budget 480] [--only 'step-*'] [--skip render]
                                   [--data SHARDS] [--real PAIRS]
    python -m benchmarks.gpu_check --device cpu --smoke         # a dry run of everything, at tiny sizes

A list of parts (`benchmarks.gpu_check.parts`), each in a process of its own with a deadline: one that hangs,
crashes or runs out of memory loses only itself. Results are written whenever a part has measured something:
`results.json`, `results.md` (one table), `log.txt` (all that the parts printed).

Runs from a checkout, next to a CUDA build of torch; what else is missing costs the parts that need it.
"""
