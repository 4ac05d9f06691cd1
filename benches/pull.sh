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

# Least and median seconds, and most memory of the client in MiB. An engine's daemon is not in it.
measure() {
  local name=$1 before=$2
  shift 2
  : > "$work/times"
  for _ in $(seq "$runs"); do
    eval "$before" > /dev/null 2>&1 || true
    if ! /usr/bin/time -a -o "$work/times" -f '%e %M' "$@" > "$work/said" 2>&1; then
      echo "| $name | failed: $(tail -n 1 "$work/said" | tr '|' ' ' | cut -c 1-60) | | |"
      return
    fi
  done
  sort -n "$work/times" | awk -v name="$name" '
    { s[NR] = $1; if ($2 > m) m = $2 }
    END { printf "| %s | %.2f | %.2f | %.0f |\n", name, s[1], s[int((NR + 1) / 2)], m / 1024 }'
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
  fi
fi

echo "| image | what | least s | median s | client MiB |"
echo "|---|---|---|---|---|"
for image in mixed random small; do
  at="127.0.0.1:$port/bench/$image:1"
  row() { measure "$@" | sed "s/^/| $image /"; }
  row "pullwhy check --pull" true target/release/pullwhy check --pull -q "$at"
  row "pullwhy check --pull --output oci:" "rm -rf $work/out" \
    target/release/pullwhy check --pull -q --output "oci:$work/out" "$at"
  row "skopeo copy docker: oci:" "rm -rf $work/out" \
    skopeo copy -q --src-tls-verify=false "docker://$at" "oci:$work/out:1"
  if [ -S "$work/containerd.sock" ]; then
    row "ctr images pull" \
      "ctr -a $work/containerd.sock images rm --sync $at; ctr -a $work/containerd.sock content prune references" \
      ctr -a "$work/containerd.sock" images pull --plain-http "$at"
  fi
  if [ -S "$work/docker.sock" ]; then
    row "docker pull" "docker -H unix://$work/docker.sock rmi -f $at" \
      docker -H "unix://$work/docker.sock" pull -q "$at"
  fi
  if $root && command -v podman > /dev/null; then
    pod=(podman --root "$work/podman" --runroot "$work/podman-run" --storage-driver overlay)
    row "podman pull" "${pod[*]} rmi -f $at" "${pod[@]}" pull -q --tls-verify=false "$at"
  fi
done
