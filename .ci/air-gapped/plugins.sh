# shellcheck shell=bash
#
# Step 2: the compose and buildx plugins of the docker command.
#
# They come from the next Debian release, because Debian 12 lacks them.

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
  local package=$1
  unpack_from_next_release "$package"
  mkdir -p "$(plugin_folder)"
  quietly cp "$SCRATCH/$package"/usr/libexec/docker/cli-plugins/* "$(plugin_folder)/"
}
