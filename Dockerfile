# Builds with the toolchain, runs without it. Tags move: for a build that can be repeated name both images by digest, for
# example --build-arg BUILD_IMAGE=rust@sha256:... (docs/operating.md).
ARG BUILD_IMAGE=rust:1-slim-bookworm
ARG RUN_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential \
    && rm -rf /var/lib/apt/lists/*
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY zones zones
COPY benches benches
COPY tests tests
COPY examples examples
RUN cargo build --profile dist --locked --bin leeward \
    && install -d -m 0750 /out/var/lib/leeward

# Distroless with the C library: no shell, no package manager, user 65532.
FROM ${RUN_IMAGE}
COPY --from=build /src/target/dist/leeward /usr/local/bin/leeward
COPY --from=build --chown=65532:65532 /out/var/lib/leeward /var/lib/leeward
COPY examples/container/leeward.toml /etc/leeward/leeward.toml
COPY zones /etc/leeward/zones
USER 65532:65532
# Mount your zone files over /etc/leeward/zones. Docker lets non-root processes bind port 53 in their own network
# namespace (net.ipv4.ip_unprivileged_port_start is 0 there); with host networking add the capability NET_BIND_SERVICE.
EXPOSE 53/udp 53/tcp 8053/tcp
VOLUME ["/var/lib/leeward"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["/usr/local/bin/leeward", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/leeward"]
CMD ["serve", "--config", "/etc/leeward/leeward.toml"]
