#!/bin/sh
# Stands in for `kubectl`: answers from the files of $KUBE, notes each command in $KUBE_LOG.
printf 'kubectl %s\n' "$*" >> "$KUBE_LOG"
if [ "${KUBE_SLOW:-}" ]; then sleep "$KUBE_SLOW" & wait; fi
if [ "${KUBE_BROKEN:-}" ]; then
  echo "$KUBE_BROKEN" >&2
  exit 1
fi
case "$1 $2" in
  "get pods" | "get events" | "get secrets") name=$2 ;;
  "get pod" | "get secret" | "get serviceaccount" | "get node") name=$2-$3 ;;
  *) echo "error: unknown command \"$1\"" >&2; exit 1 ;;
esac
if [ -e "$KUBE/$name.error" ]; then
  cat "$KUBE/$name.error" >&2
  exit 1
fi
if [ ! -e "$KUBE/$name" ]; then
  echo "Error from server (NotFound): $2s \"$3\" not found" >&2
  exit 1
fi
cat "$KUBE/$name"
