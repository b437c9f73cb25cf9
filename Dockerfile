# CPU:  docker build -t cld_mm .
# CUDA: docker build -t cld_mm:cuda --build-arg BASE=pytorch/pytorch:2.13.0-cuda13.0-cudnn9-runtime \
#           --build-arg CONSTRAINTS= .
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}
# The tested versions; empty keeps the torch of the base image.
ARG CONSTRAINTS="-c requirements/constraints.txt"
WORKDIR /workspace/cld_mm
COPY requirements requirements
# hadolint ignore=DL3042,SC2086
RUN pip install --no-cache-dir ${CONSTRAINTS} -r requirements/core.txt -r requirements/mmcv_lite.txt
COPY . .
RUN pip install --no-cache-dir --no-deps .
RUN useradd --create-home --uid 1000 trainer && chown -R trainer /workspace
USER 1000
ENTRYPOINT ["bash"]
