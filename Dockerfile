# Parley as an image. PostgreSQL and Temporal are elsewhere: PARLEY_DATABASE_URL and TEMPORAL_ADDRESS say where.
FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags="-s -w" -o /out/parley ./cmd/parley

FROM debian:12.12-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates curl tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/parley --create-home parley
COPY --from=build /out/parley /usr/local/bin/parley
USER parley
ENV PARLEY_HOME=/var/lib/parley PARLEY_HTTP=0.0.0.0:8080 PARLEY_SMTP=0.0.0.0:2525
VOLUME /var/lib/parley
EXPOSE 8080 2525
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
  CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["parley"]
CMD ["up"]
