# sse-sidecar as the one process of a container: docker build -t sse-sidecar .
# conf/compose/compose.yaml shows it in front of an application.

FROM debian:bookworm-slim AS build
WORKDIR /src
COPY packages.txt .
RUN apt-get -qq update \
 && awk '$1 == "build" || $1 == "train" { print $2 }' packages.txt \
  | DEBIAN_FRONTEND=noninteractive xargs apt-get -qq -y --no-install-recommends install
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY sidecar sidecar
COPY benchmarks benchmarks
# How many compilers at once; without it, one a processor.
ARG JOBS
# Empty: a build that runs nothing, for builders that emulate, or that have an older kernel than 5.11. It is slower.
ARG TRAINED=1
RUN if [ -n "$TRAINED" ]; then benchmarks/train.sh $JOBS && strip -o sse-sidecar build/trained/sse-sidecar; \
    else cmake --preset release && cmake --build --preset release ${JOBS:+-j "$JOBS"} \
      && strip -o sse-sidecar build/release/sse-sidecar; fi
# What is in the program, and whose it is.
RUN mkdir notices && for name in libboost1.81-dev libcli11-dev libfmt-dev libspdlog-dev libstdc++-12-dev libyaml-cpp-dev \
    node-llhttp; do cp "/usr/share/doc/$name/copyright" "notices/$name" || exit 1; done

FROM debian:bookworm-slim
RUN apt-get -qq update \
 && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install \
    ca-certificates libnghttp2-14 libssl3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY --from=build /src/sse-sidecar /usr/local/bin/
COPY --from=build /src/notices /usr/share/doc/sse-sidecar
# Nobody in particular, as a number, so that an orchestrator sees that it is not root. Nothing is written anywhere.
USER 65532:65532
# Fails when a library above is missing.
RUN ["sse-sidecar", "--version"]
EXPOSE 8080
# Where the health is asked, whatever a mounted configuration says.
ENV SSE_SIDECAR_ADMIN=127.0.0.1:9901
HEALTHCHECK --interval=10s --timeout=3s --start-period=2s CMD ["sse-sidecar", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["sse-sidecar"]
