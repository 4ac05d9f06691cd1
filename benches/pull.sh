#!/usr/bin/env bash
# Sets `pullwhy check --pull` beside tools that pull, in one run on one machine, and prints a table.
#
#   cargo build --release -p pullwhy && benches/pull.sh
#
# Needs docker-registry, skopeo and GNU time. As root, podman, containerd (ctr) and dockerd are
# measured too, each with a store and a socket of its own; those that are absent are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${RUNS:-5}
driver=
work=$(mktemp -d)
started=()
cleanup() {
  for pid in "${started[@]}"; do kill "$pid" 2> /dev/null || true; done
  wait 2> /dev/null || true
  grep " $work/" /proc/mounts | cut -d ' ' -f 2 | xargs -r umount 2> /dev/null || true
  rm -rf "$work" 2> /dev/null || true
}
trap cleanup EXIT

cargo run -q --release --locked -p pullwhy-lab --example pull_image -- "$work/store" >&2
port=${PORT:-5983}
cat > "$work/registry.yml" << YML
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $work/store}}
http: {addr: 127.0.0.1:$port}
YML
docker-registry serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
started+=($!)
until curl -sf "http://127.0.0.1:$port/v2/" > /dev/null; do sleep 0.1; done

# One run of one tool: wall seconds, and most memory of the client in KiB. An engine's daemon is not
# in it. A run that fails leaves its last line.
once() {
  local file=$1 before=$2
  shift 2
  eval "$before" > /dev/null 2>&1 || true
  local began=$EPOCHREALTIME
  if ! /usr/bin/time -o "$work/most" -f '%M' "$@" > "$work/said" 2>&1; then
    tail -n 1 "$work/said" | tr '|' ' ' | cut -c 1-60 > "$file.failed"
  fi
  # GNU time counts hundredths, which is too coarse for small layers.
  echo "$began $EPOCHREALTIME $(tail -n 1 "$work/most")" | awk '{ printf "%.3f %d\n", $2 - $1, $3 }' >> "$file"
}

# One run of a tool, by its short name, for an image.
measure() {
  local tool=$1 at=$2
  local file="$work/t/$tool"
  local pod=(podman --root "$work/podman" --runroot "$work/podman-run" --storage-driver overlay)
  case $tool in
    pull)
      once "$file" true target/release/pullwhy check --pull -q "$at" ;;
    keep)
      once "$file" "rm -rf $work/out" \
        target/release/pullwhy check --pull -q --output "oci:$work/out" "$at" ;;
    skopeo)
      once "$file" "rm -rf $work/out" \
        skopeo copy -q --src-tls-verify=false "docker://$at" "oci:$work/out:1" ;;
    ctr)
      once "$file" \
        "ctr -a $work/containerd.sock images rm --sync $at; ctr -a $work/containerd.sock content prune references" \
        ctr -a "$work/containerd.sock" images pull --plain-http "$at" ;;
    docker)
      once "$file" "docker -H unix://$work/docker.sock rmi -f $at" \
        docker -H "unix://$work/docker.sock" pull -q "$at" ;;
    podman)
      once "$file" "${pod[*]} rmi -f $at" "${pod[@]}" pull -q --tls-verify=false "$at" ;;
  esac
}

# Least and median seconds, the median as a share of that of skopeo, memory in MiB.
row() {
  local image=$1 name=$2 file=$3
  if [ -e "$file.failed" ]; then
    echo "| $image | $name | failed: $(cat "$file.failed") | | | |"
    return
  fi
  sort -n "$file" | awk -v image="$image" -v name="$name" -v skopeo="$(median "$work/t/skopeo")" '
    { s[NR] = $1; if ($2 > m) m = $2 }
    END {
      middle = s[int((NR + 1) / 2)]
      printf "| %s | %s | %.3f | %.3f | %.2f | %.0f |\n", image, name, s[1], middle, middle / skopeo, m / 1024
    }'
}

median() {
  sort -n "$1" | awk '{ s[NR] = $1 } END { print s[int((NR + 1) / 2)] }'
}

root=false
[ "$(id -u)" = 0 ] && root=true
if $root && command -v containerd > /dev/null && command -v ctr > /dev/null; then
  containerd --root "$work/containerd" --state "$work/containerd-state" \
    --address "$work/containerd.sock" > "$work/containerd.log" 2>&1 &
  started+=($!)
  if command -v dockerd > /dev/null && command -v docker > /dev/null; then
    until [ -S "$work/containerd.sock" ]; do sleep 0.1; done
    dockerd --data-root "$work/docker" --exec-root "$work/docker-exec" -H "unix://$work/docker.sock" \
      --pidfile "$work/docker.pid" --containerd "$work/containerd.sock" --bridge none \
      --iptables=false --ip6tables=false > "$work/docker.log" 2>&1 &
    started+=($!)
    sleep 5
    driver=$(docker -H "unix://$work/docker.sock" info --format '{{.Driver}}' 2> /dev/null || true)
  fi
fi

echo "| image | what | least s | median s | of skopeo's | client MiB |"
echo "|---|---|---|---|---|---|"
for image in mixed random small; do
  at="127.0.0.1:$port/bench/$image:1"
  rm -rf "$work/t" && mkdir "$work/t"
  # In turns, so that what else the machine does falls on all alike, and each in another order: who
  # comes behind an engine that unpacks finds the disk busy.
  times=$runs
  [ "$image" = small ] && times=$((runs * 3))
  tools=(pull skopeo keep)
  [ ! -S "$work/containerd.sock" ] || tools+=(ctr)
  [ ! -S "$work/docker.sock" ] || tools+=(docker)
  ! $root || ! command -v podman > /dev/null || tools+=(podman)
  for _ in $(seq "$times"); do
    for tool in $(shuf -e "${tools[@]}"); do
      measure "$tool" "$at"
    done
  done
  row "$image" "pullwhy check --pull" "$work/t/pull"
  row "$image" "pullwhy check --pull --output oci:" "$work/t/keep"
  row "$image" "skopeo copy docker: oci:" "$work/t/skopeo"
  [ ! -e "$work/t/ctr" ] || row "$image" "ctr images pull (overlayfs)" "$work/t/ctr"
  [ ! -e "$work/t/docker" ] || row "$image" "docker pull ($driver)" "$work/t/docker"
  [ ! -e "$work/t/podman" ] || row "$image" "podman pull (overlay)" "$work/t/podman"
done
