#!/bin/sh
# Switches a machine of a kind cluster, which is a container, off or on without notice.
#
# Usage: kind-power.sh off|on MACHINE
set -eu
case $1 in
  off) exec docker kill "$2" ;;
  on) exec docker start "$2" ;;
  *) echo "usage: kind-power.sh off|on MACHINE" >&2; exit 64 ;;
esac
