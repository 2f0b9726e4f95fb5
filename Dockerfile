# The server and its command, and nothing else: docker build -t echs .
#
# A tag can be moved by whoever owns it, a digest cannot. To pin what you have tried:
#   docker build --build-arg PYTHON_IMAGE=python:3.13-slim-bookworm@sha256:DIGEST -t echs .
# where `docker image inspect --format '{{index .RepoDigests 0}}' python:3.13-slim-bookworm` says the digest.
ARG PYTHON_IMAGE=python:3.13-slim-bookworm
ARG POSTGRES_IMAGE=postgres:17.6-bookworm

FROM ${PYTHON_IMAGE} AS builder

# `strip`, for slim.py. There is no compiler: what has to be compiled comes as wheels.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils \
    && rm -rf /var/lib/apt/lists/*

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore

# First what seldom changes, so that a change of the program does not fetch everything again.
WORKDIR /build
COPY requirements.lock deploy/container/build-requirements.txt ./
RUN python3 -m venv /opt/echs \
    && /opt/echs/bin/pip install --quiet --require-hashes --only-binary :all: -r build-requirements.txt \
    && /opt/echs/bin/pip install --quiet --require-hashes --no-build-isolation \
       --only-binary :all: --no-binary font-roboto,spyne -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY migrations migrations
COPY wsdl wsdl
COPY src src
COPY deploy/container/slim.py ./
RUN /opt/echs/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir wheels . \
    && /opt/echs/bin/pip install --quiet --no-deps --no-index wheels/*.whl \
    && /opt/echs/bin/python slim.py \
    && /opt/echs/bin/echs --version

# The same program beside pg_dump and pg_restore of the database's version, for `echs backup`: --target backup. Both base
# images are of one Debian release, so that the interpreter finds its libraries; the last line shows that it does.
FROM ${POSTGRES_IMAGE} AS backup

COPY --from=builder /usr/local /usr/local
COPY --from=builder /opt/echs /opt/echs
RUN ldconfig \
    && install --directory --mode 0700 --owner 10001 --group 10001 /data /backups \
    && /opt/echs/bin/echs --version
ENV PATH=/opt/echs/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ECHS_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
ENTRYPOINT ["echs", "backup"]
CMD ["create", "/backups"]

FROM ${PYTHON_IMAGE}

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="eCHS" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.description="An open, self-hosted clearing house for electric-vehicle roaming (OCHP)" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

COPY --from=builder /opt/echs /opt/echs
# A new volume takes owner and mode from here, so it can be written without root.
RUN install --directory --mode 0700 --owner 10001 --group 10001 /data

# Large uploads wait in files in TMPDIR; where /tmp is memory, set it to a disk.
ENV PATH=/opt/echs/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ECHS_DATA_DIR=/data

# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# Whether the process answers; whether it is ready, with its store, is asked at /readyz.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/livez', timeout=4)"]
ENTRYPOINT ["echs"]
CMD ["serve", "--bind", "0.0.0.0:8080"]
