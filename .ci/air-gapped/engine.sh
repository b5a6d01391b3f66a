# shellcheck shell=bash
#
# Step 1: a Docker engine that answers.

ENGINE_LOG=${ENGINE_LOG:-/var/log/dockerd.log}
readonly ENGINE_PID_FILE=/var/run/docker.pid
readonly CONTAINERD_PID_FILE=/var/run/docker/containerd/containerd.pid
readonly ENGINE_PATIENCE=90 # seconds

engine_version() {
  timeout 20 docker info --format '{{.ServerVersion}}' 2>/dev/null
}

engine_answers() {
  [[ -n $(engine_version) ]]
}

ensure_engine() {
  if engine_answers; then
    say "engine $(engine_version) answers"
    return
  fi
  [[ -z ${DOCKER_HOST:-} ]] || die "the engine that DOCKER_HOST names does not answer"
  require_debian_root 'no Docker engine answers'
  install_engine
  await_running_engine || start_engine
  say "engine $(engine_version) answers, process $(<"$ENGINE_PID_FILE"), log $ENGINE_LOG"
}

install_engine() {
  local packages=(docker.io iptables)
  # Where the kernel enforces AppArmor the engine needs its parser.
  if grep -qs Y /sys/module/apparmor/parameters/enabled; then
    packages+=(apparmor)
  fi
  ensure_packages "${packages[@]}"
  hash -r
}

# A daemon may be on its way up, or on its way down and then to be replaced.
await_running_engine() {
  local pid
  process_is dockerd "$ENGINE_PID_FILE" || return 1
  pid=$(<"$ENGINE_PID_FILE")
  say "dockerd is running as process $pid, waiting for it"
  await_engine "$pid"
}

# Whether the process whose id stands in the file is so named. Ids are given
# out again, so an id that is merely taken proves nothing.
process_is() {
  local name=$1 file=$2 pid
  pid=$(tr -cd 0-9 2>/dev/null <"$file") || return 1
  [[ -n $pid && $(cat "/proc/$pid/comm" 2>/dev/null) == "$name" ]] && runs "$pid"
}

# Whether a process is there and more than a dead one nobody has waited for.
runs() {
  local state
  state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 1
  [[ -n $state && $state != [ZX] ]]
}

# The daemon refuses to start, or waits in vain for its containerd, when these
# name a process that has since become another.
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
  await_engine $! || engine_failed 'dockerd ended instead of answering'
}

# In a session of its own and holding none of the caller's files, so that
# neither the end of the terminal ends it nor it keeps a pipe open.
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

# Waits until the engine answers; 1 if the process given ends before that.
await_engine() {
  local pid=$1 deadline=$((SECONDS + ENGINE_PATIENCE))
  until engine_answers; do
    runs "$pid" || return 1
    [[ $SECONDS -lt $deadline ]] || engine_failed "the engine does not answer after $ENGINE_PATIENCE s"
    sleep 0.5
  done
}

engine_failed() {
  tail -n 40 "$ENGINE_LOG" >&2 || true
  die "$1 (log: $ENGINE_LOG)"
}
