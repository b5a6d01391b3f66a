# shellcheck shell=bash
#
# Shared by the steps: messages, a scratch folder, apt, the next Debian release.

say() {
  printf 'air-gapped: %s\n' "$*"
}

die() {
  printf 'air-gapped: error: %s\n' "$*" >&2
  exit 1
}

prepare() {
  export HOME="${HOME:-/root}"
  export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
  export DEBIAN_FRONTEND=noninteractive

  SCRATCH=$(mktemp -d /var/tmp/air-gapped.XXXXXXXX)
  trap remove_scratch EXIT
  chmod 755 "$SCRATCH" # it will contain the image's root folder

  LOG=${PROVISION_LOG:-/var/log/air-gapped-provision.log}
  if ! { : >"$LOG"; } 2>/dev/null; then
    LOG=$(mktemp "${TMPDIR:-/tmp}/air-gapped-provision.XXXXXXXX.log")
  fi
}

# An interrupted debootstrap leaves /proc mounted.
remove_scratch() {
  local mounted
  for mounted in "$SCRATCH"/root/{proc,sys}; do
    if mountpoint -q "$mounted" 2>/dev/null; then
      umount -R "$mounted" || true
    fi
  done
  rm -rf --one-file-system "$SCRATCH"
}

# Runs a command with its output in the log; prints the end of the log on failure.
quietly() {
  printf '\n$ %s\n' "$*" >>"$LOG"
  if ! "$@" >>"$LOG" 2>&1 </dev/null; then
    tail -n 25 "$LOG" >&2
    die "failed: $* (all of its output: $LOG)"
  fi
}

debian_codename() {
  (
    # shellcheck source=/dev/null
    source /etc/os-release 2>/dev/null || exit 1
    [[ ${ID:-} == debian ]] || exit 1
    printf '%s' "${VERSION_CODENAME:-}"
  )
}

require_debian_root() {
  local purpose=$1
  debian_codename >/dev/null || die "$purpose: supported on Debian only"
  [[ $EUID -eq 0 ]] || die "$purpose: run this script as root"
}

APT_UPDATED=no

apt_update_once() {
  if [[ $APT_UPDATED == no ]]; then
    quietly apt-get -q -o Acquire::Retries=3 update
    APT_UPDATED=yes
  fi
}

installed() {
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Installs the missing ones of the named packages.
ensure_packages() {
  local name missing=()
  for name in "$@"; do
    installed "$name" || missing+=("$name")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  apt_update_once
  quietly apt-get -q -y --no-install-recommends -o Acquire::Retries=3 \
    -o DPkg::Lock::Timeout=300 install "${missing[@]}"
  say "installed ${missing[*]}"
}

# Prints apt's mirror of Debian's main archive and its key file (empty: apt's
# trusted keys) as 'address|key file'. Call apt_update_once first.
debian_archive() {
  local codename
  codename=$(debian_codename)
  # The $(…) are fields of apt, not of the shell.
  # shellcheck disable=SC2016
  apt-get indextargets \
    --format '$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)|$(SIGNED_BY)' \
    'Created-By: Packages' |
    awk -F'|' -v codename="$codename" '
      !found && $1 == "Debian" && $2 == codename && $3 == "main" {
        print $4 "|" ($5 ~ /^\// ? $5 : "")
        found = 1
      }
      END { exit !found }' ||
    die "no source of Debian $codename's main archive is configured in apt"
}

# Programs that this Debian release lacks or has too old come from the next
# release: they are extracted from its packages, with separate package lists,
# and nothing else of that release is installed.

next_release() {
  case $(debian_codename) in
    bookworm | trixie) printf trixie ;;
    *) die "this script supports Debian bookworm and trixie, not $(debian_codename)" ;;
  esac
}

NEXT_RELEASE_READY=no

prepare_next_release() {
  local archive uri key release
  [[ $NEXT_RELEASE_READY == no ]] || return 0
  apt_update_once
  archive=$(debian_archive)
  release=$(next_release)
  uri=${archive%%|*}
  key=${archive#*|}
  mkdir -p "$SCRATCH"/apt/{sources,lists/partial}
  printf 'deb %s%s %s main\n' "${key:+[signed-by=$key] }" "$uri" "$release" \
    >"$SCRATCH/apt/sources/next.list"
  quietly next_release_apt update
  NEXT_RELEASE_READY=yes
}

next_release_apt() {
  apt-get -q \
    -o Acquire::Retries=3 \
    -o Acquire::Languages=none \
    -o APT::Sandbox::User=root \
    -o Dir::Etc::sourcelist=/dev/null \
    -o Dir::Etc::sourceparts="$SCRATCH/apt/sources" \
    -o Dir::State::lists="$SCRATCH/apt/lists" \
    -o Dir::Cache::pkgcache= \
    -o Dir::Cache::srcpkgcache= \
    "$@"
}

# Unpacks a package of the next release into the scratch folder.
unpack_from_next_release() {
  local package=$1 folder="$SCRATCH/$1"
  prepare_next_release
  mkdir -p "$folder"
  (cd "$folder" && quietly next_release_apt download "$package")
  quietly dpkg-deb -x "$folder"/*.deb "$folder"
}
