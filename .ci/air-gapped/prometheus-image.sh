# shellcheck shell=bash
#
# Step 4: the Prometheus image in docker-compose.yml.
#
# Without a registry, a stand-in is built under the same tag from the next Debian
# release's package of the same minor version, and busybox. It has the paths, user,
# volume and command of the official image, but no promtool.

readonly PROMETHEUS_PACKAGE=prometheus
readonly BUSYBOX_PACKAGE=busybox-static

ensure_prometheus_image() {
  local compose_file=$1 pinned digest
  pinned=$(prometheus_image "$compose_file")
  digest=$(cat "$HERE/prometheus-image.sh" "$HERE/stand-in.sh" | sha256sum | cut -c 1-32)
  ! image_exists "$pinned" "$digest" || return 0
  require_debian_root "image $pinned cannot be pulled"
  build_prometheus_image "${pinned%@*}" "$digest"
}

prometheus_image() {
  sed -n 's/^ *image: *\(prom\/prometheus:[^ ]*\) *$/\1/p' "$1" | grep . || die "$1 names no Prometheus image"
}

build_prometheus_image() {
  local image=$1 digest=$2 root="$SCRATCH/prometheus-root" version
  unpack_from_next_release "$PROMETHEUS_PACKAGE"
  unpack_from_next_release "$BUSYBOX_PACKAGE"
  version=$("$SCRATCH/$PROMETHEUS_PACKAGE/usr/bin/prometheus" --version | sed -n '1s/^prometheus, version \([0-9.]*\).*/\1/p')
  [[ $image == *:v${version%.*}.* ]] || die "Debian has Prometheus $version, but $image is required"
  add_prometheus "$root"
  add_busybox "$root"
  add_user "$root"
  import_stand_in "$image" "$root" "$digest" \
    --change 'USER nobody' \
    --change 'EXPOSE 9090' \
    --change 'VOLUME /prometheus' \
    --change 'WORKDIR /prometheus' \
    --change 'ENTRYPOINT ["/bin/prometheus"]' \
    --change 'CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]'
  say "built image $image: Prometheus $version"
}

# Adds the program, its libraries, and a configuration without targets.
add_prometheus() {
  local root=$1 from="$SCRATCH/$PROMETHEUS_PACKAGE/usr/bin" library
  install -D -m 755 "$from/prometheus" "$root/bin/prometheus"
  ldd "$from/prometheus" | grep -oE '/lib[^ ]+' | sort -u | while read -r library; do
    install -D -m 755 "$library" "$root$library"
  done
  install -D -m 644 /dev/null "$root/etc/prometheus/prometheus.yml"
  install -d -m 1777 "$root/tmp"
}

add_busybox() {
  local root=$1 name
  install -m 755 "$SCRATCH/$BUSYBOX_PACKAGE/usr/bin/busybox" "$root/bin/busybox"
  for name in sh cat ls wget; do
    ln -s busybox "$root/bin/$name"
  done
}

# A new volume inherits the owner of /prometheus.
add_user() {
  local root=$1
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnobody:x:65534:\n' >"$root/etc/group"
  install -d -o 65534 -g 65534 "$root/prometheus"
}
