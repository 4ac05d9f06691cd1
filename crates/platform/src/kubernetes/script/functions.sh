# why: what kubectl said instead of an answer, as one line that can stand in a JSON text.
why() {
  tr '\n\t"\\' "  ''" < "$TMP/error" | tr -cd '[:print:]' | cut -c1-300
}

# lists NAME ARGUMENTS: a list goes to NAME.json; why there is none, to collected.json.
lists() {
  name=$1; shift
  echo "kubectl $1 $2 ... > $name.json" >&2
  if kubectl "$@" > "$TMP/answer" 2> "$TMP/error"; then
    mv "$TMP/answer" "$DIR/$name.json"
  else
    rm -f "$DIR/$name.json"
    cat "$TMP/error" >&2
    printf '{"asked":"kubectl %s %s","why":"%s"}\n' "$1" "$2" "$(why)" >> "$TMP/unread"
  fi
}

# thing LIST LABEL ARGUMENTS: one object goes to LIST; or that it is not there, or why it was refused.
thing() {
  list=$1; label=$2; shift 2
  echo "kubectl $1 $2 $3 ... > $list.json" >&2
  if kubectl "$@" > "$TMP/answer" 2> "$TMP/error"; then
    cat "$TMP/answer" >> "$TMP/$list.items"
    echo >> "$TMP/$list.items"
  elif grep -q '(NotFound)' "$TMP/error"; then
    printf '"%s"\n' "$label" >> "$TMP/$list.missing"
    return 1
  else
    cat "$TMP/error" >&2
    printf '"%s":"%s"\n' "$label" "$(why)" >> "$TMP/$list.refused"
  fi
}

# registries: of the text of a pull secret, keys whose value is an object, and nothing else. A value
# cannot pass: a quote inside a text has a backslash before it, and behind a text is no colon.
registries() {
  tr '\n\r\t' '   ' | sed 's#\\/#/#g' | grep -oE '"[^"\\]*" *: *[{]' | sed 's/ *: *[{]$//' |
    grep -E '^"[][A-Za-z0-9._:/*?-]+"$'
}

# login NAMESPACE NAME TYPE: the registries of a pull secret. It is decoded in a pipe, and neither
# written nor shown; a user name, password or token is not kept, nor its length.
login() {
  case "$3" in
    kubernetes.io/dockerconfigjson) key=.dockerconfigjson ;;
    kubernetes.io/dockercfg) key=.dockercfg ;;
    *) echo '"holds":{"state":"wrong-type"}'; return ;;
  esac
  kubectl get secret "$2" --namespace "$1" --output "go-template={{with .data}}{{with index . \"$key\"}}{{base64decode .}}{{end}}{{end}}"@MORE@ 2> /dev/null |
    registries > "$TMP/registries"
  if [ "$key" = .dockercfg ] || grep -qx '"auths"' "$TMP/registries"; then
    printf '"holds":{"state":"hosts","entries":['
    grep -vxE '"(auths|HttpHeaders|credHelpers)"' "$TMP/registries" | sed 's/.*/{"key":&}/' | paste -sd, -
    printf ']}'
  else
    printf '"holds":{"state":"unseen"}'
  fi
}

# close LIST: the objects of a list as a file.
close() {
  {
    echo '{"kind":"List","of":"kubectl","items":['
    sed '$!s/$/,/' "$TMP/$1.items"
    printf '],"missing":[%s],"refused":{%s}}\n' "$(paste -sd, "$TMP/$1.missing")" "$(paste -sd, "$TMP/$1.refused")"
  } > "$DIR/$1.json"
}
