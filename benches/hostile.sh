#!/usr/bin/env bash
# Fetches images that mean harm with `pullwhy check --pull --output`, and prints a table of what is
# said, how long it took, how much memory, and what was written outside of the folder.
#
#   cargo build --release -p pullwhy && benches/hostile.sh
#
# Needs docker-registry, jq and GNU time. Ends with 1 if a bound is broken.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
registry=
cleanup() {
  [ -z "$registry" ] || kill "$registry" 2> /dev/null || true
  wait 2> /dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

names=$(cargo run -q --release --locked -p pullwhy-lab --example hostile_images -- "$work/store")
port=${PORT:-5984}
cat > "$work/registry.yml" << YML
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $work/store}}
http: {addr: 127.0.0.1:$port}
YML
docker-registry serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
registry=$!
until curl -sf "http://127.0.0.1:$port/v2/" > /dev/null; do sleep 0.1; done

# Everything that this run may write is below one folder; what else appears there is a breach.
mkdir "$work/room"
status=0
echo "| image | exit | what is said | s | MiB |"
echo "|---|---|---|---|---|"
for name in $names; do
  code=0
  TMPDIR="$work/room" /usr/bin/time -o "$work/time" -f '%e %M' \
    target/release/pullwhy check --pull --output "oci:$work/room/out" --format json \
    "127.0.0.1:$port/hostile/$name:1" > "$work/said" 2> "$work/errors" || code=$?
  said=$(jq -r '[.hops[] | select(.hop == "unpack" and .status != "skipped")
    | select(.status != "ok")][0] // ([.hops[] | select(.hop == "unpack")][0])
    | .status + (if .cause then " (" + .cause + ")" else "" end) + ": " + .summary' "$work/said")
  read -r seconds kib < <(tail -n 1 "$work/time")
  mib=$((kib / 1024))
  printf '| %s | %s | %s | %.1f | %s |\n' "$name" "$code" "${said//|/\\|}" "$seconds" "$mib"
  if [ "$mib" -ge 64 ] || [ "$code" -gt 1 ] || LC_ALL=C grep -q '[[:cntrl:]]' <<< "$said"; then
    echo "broken bound: $name" >&2
    status=1
  fi
  rm -rf "$work/room/out"
  if [ -n "$(ls -A "$work/room")" ] || [ -e /tmp/pullwhy-was-here ]; then
    echo "written outside: $name" >&2
    status=1
  fi
done
exit $status
