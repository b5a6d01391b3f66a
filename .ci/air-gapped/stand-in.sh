# shellcheck shell=bash
#
# Images that stand in for official ones where no registry serves those.
#
# A stand-in has the official tag, and a label that keeps a digest of all that
# it was made from: it is made anew when that changes. An image of the tag
# without the label is the real one and left alone.

readonly STAND_IN_LABEL=stand-in.made-from

# Whether there is nothing to make: the official image is here or can be had,
# or a stand-in made from what the digest says.
image_is_there() {
  local image=$1 digest=$2 present
  if docker image inspect "$image" >/dev/null 2>&1; then
    present=$(docker image inspect --format "{{index .Config.Labels \"$STAND_IN_LABEL\"}}" "$image")
    case $present in
      '') say "image $image found" ;;
      "$digest") say "image $image found, a stand-in" ;;
      *) say "image $image is a stand-in made from something else, making it anew" && return 1 ;;
    esac
    return
  fi
  registry_serves "$image" || return 1
  say "image $image can be had from its registry"
}

# Asks for the manifest only: a slow line is no reason for a stand-in. The
# engine may know a proxy that the command does not, hence the second question.
registry_serves() {
  timeout 20 docker manifest inspect "$1" >/dev/null 2>&1 ||
    timeout 60 docker pull --quiet "$1" >/dev/null 2>&1
}

# Makes an image of a folder; what follows the digest is given to docker import.
import_stand_in() {
  local image=$1 root=$2 digest=$3 former
  shift 3
  former=$(docker image inspect --format '{{.Id}}' "$image" 2>/dev/null) || former=''
  tar -C "$root" -c --numeric-owner --one-file-system \
    --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' . |
    docker import "$@" --change "LABEL $STAND_IN_LABEL=$digest" - "$image" >>"$LOG" 2>&1 ||
    die "importing $image failed (see $LOG)"
  # An older stand-in goes, unless something still uses it.
  [[ -z $former ]] || docker image rm "$former" >/dev/null 2>&1 || true
}
