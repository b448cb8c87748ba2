"""The parts of the check, most valuable first. A part's time that is left over goes to the last one."""

from __future__ import annotations

from benchmarks.gpu_check.part import Part

NETWORK = ("torch", "timm", "numpy", "pydantic", "PIL", "yaml", "rich")
SHARDS = ("h5py", "hdf5plugin")
RENDERER = ("mitsuba", "drjit", "pxr", "embreex", "OpenEXR", "scipy", "pydantic", *SHARDS)

PARTS = (
    Part(
        name="environment",
        run="benchmarks.gpu_check.environment:look",
        share=0.03,
        least_s=5.0,
        gpu=False,
    ),
    Part(
        name="cuda-tests",
        run="benchmarks.gpu_check.cuda_tests:run",
        share=0.08,
        needs=("pytest", *NETWORK),
    ),
    Part(name="step-vits", run="benchmarks.gpu_check.steps:vits", share=0.08, needs=NETWORK),
    Part(name="step-vitl", run="benchmarks.gpu_check.steps:vitl", share=0.1, needs=NETWORK),
    Part(name="infer-vits", run="benchmarks.gpu_check.inference:vits", share=0.06, needs=NETWORK),
    Part(name="infer-vitl", run="benchmarks.gpu_check.inference:vitl", share=0.08, needs=NETWORK),
    Part(name="render", run="benchmarks.gpu_check.rendering:render", share=0.1, needs=RENDERER),
    Part(
        name="step-vits-compiled", run="benchmarks.gpu_check.steps:vits_compiled", share=0.105, needs=NETWORK
    ),
    Part(
        name="step-vitl-compiled", run="benchmarks.gpu_check.steps:vitl_compiled", share=0.105, needs=NETWORK
    ),
    Part(
        name="infer-vits-compiled",
        run="benchmarks.gpu_check.inference:vits_compiled",
        share=0.06,
        needs=NETWORK,
    ),
    Part(name="train-small", run="benchmarks.gpu_check.training:small", share=1.0, needs=(*NETWORK, *SHARDS)),
)
