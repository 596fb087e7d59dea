# The program with its native library built ahead of time. CPU by default:
#   docker build -t completion .
#   docker run --rm -v "$PWD":/data completion doctor
# CUDA: --build-arg BASE=nvidia/cuda:13.0.1-devel-ubuntu24.04 --build-arg TORCH_INDEX= --build-arg CUDA=true,
# then run with --gpus all --ipc=host: batches that wait are in shared memory, of which a container has 64 MB.
ARG BASE=python:3.12-slim-bookworm
FROM ${BASE}
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG CUDA=false
ENV TORCH_INDEX=${TORCH_INDEX} PIP_NO_CACHE_DIR=1 WANDB_MODE=offline
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /completion

# Layers that change seldom: system packages, Python environment, torch.
COPY constraints.txt ./
COPY scripts/environment scripts/
COPY src/completion/cli/system_packages.py src/completion/cli/
RUN source scripts/environment && ensure_python && ensure_system_packages && ensure_venv && install_torch \
    && rm -rf /var/lib/apt/lists/*

COPY pyproject.toml README.md LICENSE ./
COPY configs configs
COPY csrc csrc
COPY src src
RUN source scripts/environment && prepare_environment runtime \
    && .venv/bin/completion build cuda=${CUDA} \
    && .venv/bin/completion doctor

ENV PATH=/completion/.venv/bin:${PATH}
WORKDIR /data
ENTRYPOINT ["completion"]
CMD ["--help"]
