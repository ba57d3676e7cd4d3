#!/usr/bin/env bash
# Build a Prometheus with the OTLP receiver, which Debian's is built without, into .otlp/bin, and link Alertmanager into
# that folder, so that VAE_EXPORTER_SERVERS can name it. Needs Go.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v go >/dev/null; then
  echo "make test-otlp needs Go 1.24 or newer, which builds Prometheus: https://go.dev/dl" >&2
  exit 1
fi

prometheus=github.com/prometheus/prometheus@v0.305.0 # Prometheus 3.5.0

rm -rf .otlp
mkdir -p .otlp/bin
(cd .otlp && go mod download "$prometheus") # outside of a module: into Go's cache
cp -R "$(go env GOMODCACHE)/$prometheus" .otlp/source
chmod -R u+w .otlp/source
rm .otlp/source/plugins/plugins.go # the discovery of targets in clouds takes most of the time of a build
go build -C .otlp/source -o "$PWD/.otlp/bin/prometheus" ./cmd/prometheus
rm -rf .otlp/source
ln -s ../../.servers/bin/alertmanager .otlp/bin/alertmanager
