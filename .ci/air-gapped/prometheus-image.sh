# shellcheck shell=bash
#
# Step 4: the image of Prometheus that docker-compose.yml names.
#
# Where no registry serves it, a stand-in is put together under the same tag
# from the next Debian release's package, which has the same version, and from
# busybox. Paths, user, volume and command are those of the official image; it
# lacks promtool.

readonly PROMETHEUS_PACKAGE=prometheus
readonly BUSYBOX_PACKAGE=busybox-static

ensure_prometheus_image() {
  local compose_file=$1 image digest
  image=$(prometheus_image "$compose_file")
  digest=$(sha256sum "$HERE/prometheus-image.sh" "$HERE/stand-in.sh" | sha256sum | cut -c 1-32)
  ! image_is_there "$image" "$digest" || return 0
  require_debian_root "image $image cannot be pulled"
  make_prometheus_image "$image" "$digest"
}

prometheus_image() {
  sed -n 's/^ *image: *\(prom\/prometheus:[^ ]*\) *$/\1/p' "$1" | grep . || die "$1 names no image of Prometheus"
}

make_prometheus_image() {
  local image=$1 digest=$2 root="$SCRATCH/prometheus-root" version
  unpack_from_next_release "$PROMETHEUS_PACKAGE"
  unpack_from_next_release "$BUSYBOX_PACKAGE"
  version=$("$SCRATCH/$PROMETHEUS_PACKAGE/usr/bin/prometheus" --version | sed -n '1s/^prometheus, version \([0-9.]*\).*/\1/p')
  [[ $image == *:v$version ]] || die "Debian has Prometheus $version, which can't stand in for $image"
  add_prometheus "$root"
  add_busybox "$root"
  add_nobody "$root"
  import_stand_in "$image" "$root" "$digest" \
    --change 'USER nobody' \
    --change 'EXPOSE 9090' \
    --change 'VOLUME /prometheus' \
    --change 'WORKDIR /prometheus' \
    --change 'ENTRYPOINT ["/bin/prometheus"]' \
    --change 'CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]'
  say "made image $image: Prometheus $version"
}

# The program, the libraries that it is linked to, and a configuration that scrapes nothing.
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

# A volume takes its first owner from /prometheus.
add_nobody() {
  local root=$1
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnobody:x:65534:\n' >"$root/etc/group"
  install -d -o 65534 -g 65534 "$root/prometheus"
}
