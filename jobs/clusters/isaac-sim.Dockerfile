# This project beside Isaac Sim:
#   docker build -f jobs/clusters/isaac-sim.Dockerfile --build-arg ISAAC_SIM=6.0.1 -t fsd-isaac:6.0.1 .
# Versions 5.1.0 and 6.0.1. Two Pythons on purpose: the backend `replicator` starts /isaac-sim/python.sh as a
# process of its own, which must never see the pip build of USD. NOT YET BUILT: the base image is NVIDIA's.
# Nothing here accepts NVIDIA's licence; whoever runs the image does, with ACCEPT_EULA=Y.
ARG ISAAC_SIM=6.0.1
FROM nvcr.io/nvidia/isaac-sim:${ISAAC_SIM}

USER 0
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# Ubuntu 24.04, whose Python is 3.12; every node of a Ray cluster needs the same minor version. libatomic1 is
# Dr.Jit's; wget is for the probes of KubeRay before 1.6, and ray[default] what it submits jobs to.
# The first Python to start finishes the installation of LLVM, which needs root's right to write there.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libatomic1 python3.12 python3.12-venv wget \
    && rm -rf /var/lib/apt/lists/*
COPY . /opt/fsd-source
RUN python3.12 -m venv /opt/fsd \
    && /opt/fsd/bin/pip install --no-cache-dir -c /opt/fsd-source/constraints.txt '/opt/fsd-source[render,farm]' \
        'ray[default]' \
    && /opt/fsd/bin/python -c ''

# Folders of caches, owned by the image's user: a named volume that is mounted there takes that over.
RUN for folder in .cache .nv/ComputeCache .nvidia-omniverse/logs .nvidia-omniverse/config \
        .local/share/ov/data .local/share/ov/pkg; do \
        mkdir -p "/isaac-sim/$folder"; \
    done \
    && chown -R 1234:1234 /isaac-sim/.cache /isaac-sim/.nv /isaac-sim/.nvidia-omniverse /isaac-sim/.local

# `all` has `graphics`, without which Vulkan finds no driver, and RTX hangs or does not start.
ENV PATH=/opt/fsd/bin:$PATH \
    HOME=/isaac-sim \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=all \
    FSD_ISAAC_PYTHON=/isaac-sim/python.sh
# The image's own check waits for a viewer that never comes.
HEALTHCHECK NONE
USER 1234:1234
ENTRYPOINT []
