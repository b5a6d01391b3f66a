#!/bin/sh
# As in the official image: options, and names that are no command, go to node.
set -e
case ${1-} in
  -*) set -- node "$@" ;;
  ?*)
    if ! command -v "$1" >/dev/null 2>&1 || { [ -f "$1" ] && [ ! -x "$1" ]; }; then
      set -- node "$@"
    fi
    ;;
esac
exec "$@"
