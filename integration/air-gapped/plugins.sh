# shellcheck shell=bash
#
# Step 2: the compose and buildx plugins of the docker command.
#
# Debian 12 does not have them, the release after it does. They are single
# programs, so they are taken out of that release's packages without installing
# anything, with package lists kept apart from the system's own.

ensure_plugin() {
  local plugin=$1 package=$2
  if ! plugin_works "$plugin"; then
    require_debian_root "the docker command has no $plugin plugin"
    install_plugin "$package"
    plugin_works "$plugin" || die "the $plugin plugin of $package does not run"
    say "installed $plugin $(plugin_version "$plugin") in $(plugin_folder)"
  else
    say "$plugin $(plugin_version "$plugin") found"
  fi
}

plugin_works() {
  timeout 20 docker "$1" version >/dev/null 2>&1
}

plugin_version() {
  timeout 20 docker "$1" version 2>/dev/null | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1
}

plugin_folder() {
  printf '%s' "${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins"
}

install_plugin() {
  local package=$1 unpacked="$SCRATCH/$1"
  prepare_plugin_lists
  mkdir -p "$unpacked" "$(plugin_folder)"
  (cd "$unpacked" && quietly plugin_apt download "$package")
  quietly dpkg-deb -x "$unpacked"/*.deb "$unpacked"
  quietly cp "$unpacked"/usr/libexec/docker/cli-plugins/* "$(plugin_folder)/"
}

# The release to take the plugins from.
plugin_release() {
  case $(debian_codename) in
    bookworm | trixie) printf trixie ;;
    *) die "of Debian $(debian_codename) this script does not know which release has the plugins" ;;
  esac
}

PLUGIN_LISTS_READY=no

prepare_plugin_lists() {
  local archive uri key release
  [[ $PLUGIN_LISTS_READY == no ]] || return 0
  apt_update_once
  archive=$(debian_archive)
  release=$(plugin_release)
  uri=${archive%%|*}
  key=${archive#*|}
  mkdir -p "$SCRATCH"/apt/{sources,lists/partial}
  printf 'deb %s%s %s main\n' "${key:+[signed-by=$key] }" "$uri" "$release" \
    >"$SCRATCH/apt/sources/plugins.list"
  quietly plugin_apt update
  PLUGIN_LISTS_READY=yes
}

plugin_apt() {
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
