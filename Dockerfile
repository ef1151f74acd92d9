# The framemill host with its components inside: docker build -t framemill .

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo xtask build

# glibc, libgcc and certificates, and no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/framemill /opt/framemill/framemill
COPY --from=build /src/target/components /opt/framemill/components
ENV FRAMEMILL_COMPONENTS=/opt/framemill/components
USER nonroot
WORKDIR /home/nonroot
ENTRYPOINT ["/opt/framemill/framemill"]
CMD ["up"]
