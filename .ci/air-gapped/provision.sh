#!/usr/bin/env bash
#
# Installs everything that the tests need on a Debian machine that reaches a
# Debian mirror and an npm registry, but no image registry:
#
#   1. Docker engine       Debian's docker.io; starts dockerd; reserves the ports
#                          that it publishes
#   2. CLI plugins         compose and buildx, for the current user
#   3. base image          a stand-in under the official tag
#   4. Prometheus image    a stand-in under the official tag
#   5. tools               prometheus, chromium, kubectl, FUSE
#
# Each step first checks whether it is needed, so nothing but the reserved ports
# changes on a machine with Docker, both plugins and a registry, and a second run
# takes seconds.
#
# Usage: provision.sh    (as root on Debian, if something is missing)
#
# Environment (all optional):
#   ENGINE_LOG      the daemon's log           (/var/log/dockerd.log)
#   PROVISION_LOG   output of the tools called (/var/log/air-gapped-provision.log,
#                   or a file in the temporary folder where that is not writable)
set -euo pipefail

HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
readonly HERE

# shellcheck source=common.sh
source "$HERE/common.sh"
# shellcheck source=engine.sh
source "$HERE/engine.sh"
# shellcheck source=plugins.sh
source "$HERE/plugins.sh"
# shellcheck source=stand-in.sh
source "$HERE/stand-in.sh"
# shellcheck source=node-image.sh
source "$HERE/node-image.sh"
# shellcheck source=prometheus-image.sh
source "$HERE/prometheus-image.sh"
# shellcheck source=tools.sh
source "$HERE/tools.sh"

main() {
  prepare
  ensure_engine
  ensure_plugin compose docker-compose
  ensure_plugin buildx docker-buildx
  ensure_node_image "$HERE/../../Dockerfile"
  ensure_prometheus_image "$HERE/../../docker-compose.yml"
  ensure_tools
}

main "$@"
