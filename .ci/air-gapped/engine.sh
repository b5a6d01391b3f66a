# shellcheck shell=bash
#
# Step 1: a running Docker engine.

ENGINE_LOG=${ENGINE_LOG:-/var/log/dockerd.log}
readonly ENGINE_PID_FILE=/var/run/docker.pid
readonly CONTAINERD_PID_FILE=/var/run/docker/containerd/containerd.pid
readonly ENGINE_TIMEOUT=90 # seconds
readonly RESERVED_PORTS_FILE=/proc/sys/net/ipv4/ip_local_reserved_ports
readonly PUBLISHED_PORTS=32768-36863

engine_version() {
  timeout 20 docker info --format '{{.ServerVersion}}' 2>/dev/null
}

engine_responds() {
  [[ -n $(engine_version) ]]
}

ensure_engine() {
  reserve_published_ports
  if engine_responds; then
    say "engine $(engine_version) is running"
    return
  fi
  [[ -z ${DOCKER_HOST:-} ]] || die "the engine at DOCKER_HOST does not respond"
  require_debian_root 'no Docker engine is running'
  install_engine
  await_running_engine || start_engine
  say "engine $(engine_version) is running, process $(<"$ENGINE_PID_FILE"), log $ENGINE_LOG"
}

# The engine publishes ports from the start of the kernel's range for outgoing
# connections, one after the other. A connection or server that happens to have
# the next one would make a container fail to start: "address already in use".
reserve_published_ports() {
  if [[ -z $(cat "$RESERVED_PORTS_FILE" 2>/dev/null) ]]; then
    { echo "$PUBLISHED_PORTS" >"$RESERVED_PORTS_FILE"; } 2>/dev/null || say 'cannot reserve the ports that the engine publishes'
  fi
}

install_engine() {
  local packages=(docker.io iptables)
  # If the kernel enforces AppArmor, the engine needs its parser.
  if grep -qs Y /sys/module/apparmor/parameters/enabled; then
    packages+=(apparmor)
  fi
  ensure_packages "${packages[@]}"
  hash -r
}

# The daemon may be starting, or stopping and in need of a replacement.
await_running_engine() {
  local pid
  process_is dockerd "$ENGINE_PID_FILE" || return 1
  pid=$(<"$ENGINE_PID_FILE")
  say "dockerd is running as process $pid, waiting for it"
  await_engine "$pid"
}

# Whether the process with the id in the file has this name: ids are reused.
process_is() {
  local name=$1 file=$2 pid
  pid=$(tr -cd 0-9 2>/dev/null <"$file") || return 1
  [[ -n $pid && $(cat "/proc/$pid/comm" 2>/dev/null) == "$name" ]] && runs "$pid"
}

# Whether a process exists and is not a zombie.
runs() {
  local state
  state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 1
  [[ -n $state && $state != [ZX] ]]
}

# The daemon does not start if these files name an unrelated process.
remove_stale_pid_file() {
  local name=$1 file=$2
  if [[ -e $file ]] && ! process_is "$name" "$file"; then
    rm -f "$file"
    say "removed stale $file"
  fi
}

start_engine() {
  remove_stale_pid_file dockerd "$ENGINE_PID_FILE"
  remove_stale_pid_file containerd "$CONTAINERD_PID_FILE"
  : >"$ENGINE_LOG"
  run_detached dockerd --pidfile "$ENGINE_PID_FILE" >>"$ENGINE_LOG" 2>&1
  say 'started dockerd'
  await_engine $! || engine_failed 'dockerd exited during its start'
}

# Starts a command in a new session without inherited files, so that it outlives
# the terminal and keeps no pipe open.
run_detached() {
  (
    cd /
    close_inherited_files
    exec setsid "$@"
  ) </dev/null &
}

close_inherited_files() {
  local path fd
  for path in "/proc/$BASHPID/fd"/*; do
    fd=${path##*/}
    if [[ $fd -gt 2 ]]; then
      exec {fd}>&-
    fi
  done
}

# Waits until the engine responds; returns 1 if the process ends first.
await_engine() {
  local pid=$1 deadline=$((SECONDS + ENGINE_TIMEOUT))
  until engine_responds; do
    runs "$pid" || return 1
    [[ $SECONDS -lt $deadline ]] || engine_failed "the engine does not respond after $ENGINE_TIMEOUT s"
    sleep 0.5
  done
}

engine_failed() {
  tail -n 40 "$ENGINE_LOG" >&2 || true
  die "$1 (log: $ENGINE_LOG)"
}
