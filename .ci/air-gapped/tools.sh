# shellcheck shell=bash
#
# Step 5: the programs that tests run: promtool and prometheus, chromium, kubectl, FUSE, shells.

readonly MIN_KUBECTL_MINOR=21 # of version 1: kustomize with components

ensure_tools() {
  ensure_prometheus
  ensure_chromium
  ensure_kubectl
  ensure_fuse
  ensure_shells
}

ensure_shells() {
  if command -v zsh >/dev/null && command -v fish >/dev/null && command -v man >/dev/null; then
    say 'zsh, fish and man found'
    return
  fi
  require_debian_root 'zsh, fish or man is missing'
  ensure_packages zsh fish man-db
}

ensure_prometheus() {
  if command -v promtool >/dev/null && command -v prometheus >/dev/null; then
    say 'promtool and prometheus found'
    return
  fi
  require_debian_root 'promtool or prometheus is missing'
  apt_update_once
  # A separate package since Debian 13.
  if apt-cache show promtool >/dev/null 2>&1; then
    without_daemons ensure_packages prometheus promtool
  else
    without_daemons ensure_packages prometheus
  fi
}

ensure_chromium() {
  if command -v chromium >/dev/null; then
    say 'chromium found'
    return
  fi
  require_debian_root 'chromium is missing'
  ensure_packages chromium
}

ensure_kubectl() {
  if kubectl_suffices; then
    say 'kubectl found'
    return
  fi
  require_debian_root 'kubectl is missing or too old'
  unpack_from_next_release kubectl
  install -m 755 "$SCRATCH/kubectl/usr/bin/kubectl" /usr/local/bin/kubectl
  hash -r
  kubectl_suffices || die 'the kubectl of the next Debian release does not run'
  say 'installed kubectl in /usr/local/bin'
}

kubectl_suffices() {
  local minor
  minor=$(timeout 20 kubectl version --client 2>/dev/null | grep -oE 'v1\.[0-9]+' | head -n 1) || return 1
  [[ ${minor#v1.} -ge $MIN_KUBECTL_MINOR ]]
}

ensure_fuse() {
  if command -v fusermount >/dev/null && /usr/bin/python3 -c 'import fusepy' 2>/dev/null; then
    say 'fusermount and fusepy found'
    return
  fi
  require_debian_root 'fusermount or fusepy is missing'
  ensure_packages fuse3 python3-fusepy
}

readonly POLICY=/usr/sbin/policy-rc.d

# Runs a command while packages may not start services, and disables the Prometheus service afterwards.
without_daemons() {
  local made=no
  if [[ ! -e $POLICY ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
    chmod 755 "$POLICY"
    made=yes
  fi
  # In a subshell, so that the policy is removed even after a failure.
  if ("$@"); then
    [[ $made == no ]] || rm -f "$POLICY"
  else
    [[ $made == no ]] || rm -f "$POLICY"
    exit 1
  fi
  if [[ -d /run/systemd/system ]]; then
    quietly systemctl disable prometheus
  fi
}
