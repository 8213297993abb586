# The Slack bot in a small image. It needs its two tokens and somewhere to keep its data:
#   docker build -t trainwatch .
#   docker run --env-file trainwatch.env -v trainwatch-data:/data -v "$PWD/trainwatch.toml:/config/trainwatch.toml:ro" trainwatch
# `pid:` launches name processes of the container's own process table: add --pid=host to stop jobs of the machine.
FROM python:3.11-slim AS build
RUN python -m venv /opt/trainwatch
COPY requirements/runtime.txt /src/requirements/runtime.txt
RUN /opt/trainwatch/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
    -r /src/requirements/runtime.txt
COPY pyproject.toml README.md LICENSE /src/
COPY bot /src/bot
COPY trainwatch_core /src/trainwatch_core
RUN /opt/trainwatch/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation /src

FROM python:3.11-slim
RUN useradd --system --uid 10001 --user-group --create-home --home-dir /home/trainwatch trainwatch \
    && install -d -o trainwatch -g trainwatch -m 0700 /data \
    && install -d /config
COPY --from=build /opt/trainwatch /opt/trainwatch
ENV PATH=/opt/trainwatch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TRAINWATCH_DATA_DIR=/data
USER 10001:10001
WORKDIR /config
VOLUME /data
# SIGTERM puts everything in order; a stop that is under way is taken up again at the next start.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "bot"]
