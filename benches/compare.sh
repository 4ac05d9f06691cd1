#!/usr/bin/env bash
# Speed beside ripgrep's, in one run on one machine: prints the table of docs/benchmarks.md.
# Usage: benches/compare.sh [BYTES]   (default 1e9; needs rg, GNU time, and 1.5 times BYTES of disk)
set -euo pipefail
cd "$(dirname "$0")/.."
bytes=${1:-1e9}
runs=5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo build --release --quiet -p pullwhy
cargo build --release --quiet -p pullwhy-explain --example genlog
bin=target/release/pullwhy
target/release/examples/genlog "$bytes" "$work/mostly-fine.log"
target/release/examples/genlog "$(awk "BEGIN{print $bytes*0.3}")" "$work/all-failing.log" 1
printf '2026-11-01T00:00:00.000Z INFO  - Pulling image: contoso.azurecr.io/a:1\n%.0s' {1..19} > "$work/twenty.log"
tail -n 1 "$work/all-failing.log" >> "$work/twenty.log"

# Least and median of wall seconds, and the most private memory in MiB, over the runs.
measure() {
  local label=$1; shift
  local times="" most=0 seconds
  for _ in $(seq "$runs"); do
    local start end
    start=$(date +%s%N)
    "$@" > "$work/out" 2>&1 || true
    end=$(date +%s%N)
    seconds=$(awk "BEGIN{printf \"%.4f\", ($end-$start)/1e9}")
    times="$times $seconds"
  done
  # Private memory: resident pages of the process that are not the mapped file's.
  "$@" > /dev/null 2>&1 & local pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    local now
    now=$(awk '/^Private_(Clean|Dirty)|^Anonymous/ && $1=="Anonymous:" {s+=$2} END{print int(s/1024)}' "/proc/$pid/smaps_rollup" 2>/dev/null || echo 0)
    [ "${now:-0}" -gt "$most" ] && most=$now
    sleep 0.01
  done
  wait "$pid" || true
  echo "$times" | tr ' ' '\n' | grep . | sort -n | awk -v l="$label" -v m="$most" '{t[NR]=$1} END{printf "| %s | %.4f | %.4f | %d |\n", l, t[1], t[int((NR+1)/2)], m}'
}
size=$(stat -c %s "$work/mostly-fine.log"); failing=$(stat -c %s "$work/all-failing.log")
# A file that was just written is read as a stream, since it may still grow; and let the disk settle.
sync; sleep 8
cat "$work"/*.log > /dev/null   # warm
echo "$(nproc) cores, $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $(rustc --version), $(rg --version | head -n 1), $(date -u +%F)"
echo
echo "| what | least s | median s | private MiB |"
echo "|---|---|---|---|"
measure "rg -c -F, 16 literals, $size bytes" rg -c -F -f benches/literals.txt "$work/mostly-fine.log"
measure "pullwhy, 1 thread, same file" "$bin" explain --threads 1 --format json "$work/mostly-fine.log"
measure "pullwhy, all cores, same file" "$bin" explain --format json "$work/mostly-fine.log"
measure "pullwhy, 1 thread, every line a failed pull, $failing bytes" "$bin" explain --threads 1 --format json "$work/all-failing.log"
measure "pullwhy, all cores, the same" "$bin" explain --format json "$work/all-failing.log"
measure "pullwhy, standard input, mostly fine" bash -c "cat '$work/mostly-fine.log' | exec '$bin' explain --format json -"
measure "pullwhy, 20 lines" "$bin" explain --format json "$work/twenty.log"
