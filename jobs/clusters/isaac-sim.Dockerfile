# This project beside Isaac Sim: docker build -f jobs/clusters/isaac-sim.Dockerfile -t fsd-isaac .
# Two Pythons on purpose: Kit must never share a process with the pip build of USD, so the replicator backend
# starts /isaac-sim/python.sh as a child. A sketch: NOT YET BUILT.
FROM nvcr.io/nvidia/isaac-sim:5.1.0
USER root
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3.11 python3.11-venv \
    && rm -rf /var/lib/apt/lists/*
COPY . /opt/fsd-source
RUN python3.11 -m venv /opt/fsd && /opt/fsd/bin/pip install --no-cache-dir '/opt/fsd-source[render,farm]'
ENV PATH=/opt/fsd/bin:$PATH
ENTRYPOINT []
