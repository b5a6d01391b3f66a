#!/usr/bin/env bash
#
# Makes all tests runnable on a Debian machine that has no Docker engine and
# reaches no image registry, only its Debian mirror and its npm registry:
#
#   1. a Docker engine     Debian's docker.io, the daemon started by hand
#   2. the CLI plugins     compose and buildx, unpacked for the present user
#   3. the base image      a stand-in under the official tag, built from
#                          Debian's and npm's packages
#   4. Prometheus' image   a stand-in under the official tag, from Debian's
#                          package
#   5. the tools           prometheus and chromium from Debian, kubectl
#
# Each step first looks whether there is anything to do, so on an ordinary
# machine (Docker with both plugins, a registry that answers) nothing is
# changed, and a second run takes seconds. Where the mirror and the npm
# registry are is taken from apt's and npm's own configuration.
#
# Usage: provision.sh    as root on Debian, wherever something is missing
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
  ensure_node_image "$HERE/../../package.json"
  ensure_prometheus_image "$HERE/../../docker-compose.yml"
  ensure_tools
}

main "$@"
