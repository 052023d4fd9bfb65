# Two stages: the first builds the wheel and its locked dependencies, the second holds only what runs.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements/image.lock requirements/build.lock requirements/
RUN python -m venv /opt/vedette \
 && /opt/vedette/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
      -r requirements/image.lock -r requirements/build.lock
COPY pyproject.toml README.md LICENSE ./
COPY probes probes
COPY scenarios scenarios
COPY reports reports
COPY vedette vedette
RUN PATH="/opt/vedette/bin:$PATH" pip install --no-cache-dir --disable-pip-version-check --no-build-isolation --no-deps . \
 && /opt/vedette/bin/pip uninstall -y --quiet uv_build pip

FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="Vedette" \
      org.opencontainers.image.description="Synthetic monitoring and smoke tests: a pass is only a pass when it is proven" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --system --gid 10001 vedette \
 && useradd --system --uid 10001 --gid 10001 --home-dir /data --shell /usr/sbin/nologin vedette \
 && install -d -o vedette -g vedette /data /suites
COPY --from=build /opt/vedette /opt/vedette
# All that is ever written goes below /data, so the root file system can be mounted read-only.
ENV PATH="/opt/vedette/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TMPDIR=/data \
    VEDETTE_STATE_DIR=/data
# By number, so that a host can see that it is not root (Kubernetes: runAsNonRoot).
USER 10001:10001
WORKDIR /suites
VOLUME ["/data"]
# Of `vedette serve`, which here needs `--host 0.0.0.0` to be reached, and so a token.
EXPOSE 8900
# Healthy is what can start and write its state, with all faults undone; where a service runs, it must be ready too.
HEALTHCHECK --interval=30s --timeout=10s --start-period=5s CMD ["vedette", "doctor"]
ENTRYPOINT ["vedette"]
CMD ["--help"]
