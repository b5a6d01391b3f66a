# shellcheck shell=bash
#
# Stand-ins for official images, for machines without a registry.
#
# The project pins images by digest, which only the official image has. A stand-in
# has the official tag and a label with a digest of its inputs. It is rebuilt when
# they change. An image without the label is an official one and is never replaced.

readonly STAND_IN_LABEL=stand-in.digest

# Whether the pinned image is present or can be pulled, or a stand-in with this
# digest is present.
image_exists() {
  local pinned=$1 image=${1%@*} digest=$2 present
  if docker image inspect "$image" >/dev/null 2>&1; then
    present=$(docker image inspect --format "{{index .Config.Labels \"$STAND_IN_LABEL\"}}" "$image")
    case $present in
      '') say "image $image found" ;;
      "$digest") say "stand-in for image $image found" ;;
      *) say "stand-in for image $image is outdated, rebuilding it" && return 1 ;;
    esac
    return
  fi
  registry_serves "$pinned" || return 1
  say "image $pinned is available in its registry"
}

# Requests only the manifest, because the image may be slow to download. The
# second attempt uses the engine, which may be configured with a proxy.
registry_serves() {
  timeout 20 docker manifest inspect "$1" >/dev/null 2>&1 ||
    timeout 60 docker pull --quiet "$1" >/dev/null 2>&1
}

# Imports a folder as an image; further arguments are options of docker import.
import_stand_in() {
  local image=$1 root=$2 digest=$3 former
  shift 3
  former=$(docker image inspect --format '{{.Id}}' "$image" 2>/dev/null) || former=''
  tar -C "$root" -c --numeric-owner --one-file-system \
    --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' . |
    docker import "$@" --change "LABEL $STAND_IN_LABEL=$digest" - "$image" >>"$LOG" 2>&1 ||
    die "importing $image failed (see $LOG)"
  # Removes an older stand-in, unless it is in use.
  [[ -z $former ]] || docker image rm "$former" >/dev/null 2>&1 || true
}
