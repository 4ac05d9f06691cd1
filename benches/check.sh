#!/usr/bin/env bash
# `pullwhy check` beside `skopeo inspect`, in one run on one machine: prints the table of
# docs/benchmarks.md. Usage: benches/check.sh [RUNS]   (needs docker-registry and skopeo)
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet -p pullwhy
cargo build --release --quiet -p pullwhy-lab --example beside_skopeo
echo "$(nproc) cores, $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $(rustc --version | cut -d' ' -f1-2), $(docker-registry --version | cut -d' ' -f2-), $(skopeo --version), $(date -u +%F)"
echo
target/release/examples/beside_skopeo target/release/pullwhy "${1:-15}"
