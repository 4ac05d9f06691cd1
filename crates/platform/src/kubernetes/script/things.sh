sort -u "$TMP/names" > "$TMP/pods"
for list in serviceaccounts secrets nodes elsewhere; do
  : > "$TMP/$list.items"; : > "$TMP/$list.missing"; : > "$TMP/$list.refused"
done
: > "$TMP/secrets"

# For the service account of each of them: the names of its pull secrets.
cut -d' ' -f1,2 "$TMP/pods" | sort -u | while read -r space name; do
  [ "$name" = - ] && continue
  thing serviceaccounts "$space/$name" get serviceaccount "$name" --namespace "$space" --output "go-template=$ACCOUNT"@MORE@ < /dev/null
  kubectl get serviceaccount "$name" --namespace "$space" --output 'go-template={{$n := .metadata.namespace}}{{range .imagePullSecrets}}{{$n}} {{.name}}{{"\n"}}{{end}}'@MORE@ 2> /dev/null < /dev/null >> "$TMP/secrets"
done

# For each pull secret that these name, and for no other: type, names of keys, registries.
while read -r space account node names; do
  for name in $names; do echo "$space $name"; done
done < "$TMP/pods" >> "$TMP/secrets"
sort -u "$TMP/secrets" | while read -r space name; do
  if thing secrets.head "$space/$name" get secret "$name" --namespace "$space" --output "go-template=$SECRET"@MORE@ < /dev/null; then
    if [ -s "$TMP/secrets.head.items" ]; then
      type=$(sed -n 's/.*"type":"\([^"]*\)".*/\1/p' "$TMP/secrets.head.items")
      printf '%s,%s}\n' "$(sed 's/,"_":0}$//' "$TMP/secrets.head.items")" "$(login "$space" "$name" "$type" < /dev/null | tr -d '\n')" >> "$TMP/secrets.items"
    fi
  else
    # Only for one that is not there: the namespaces that have one of its name; a table, without data.
    if kubectl get secrets --all-namespaces --field-selector "metadata.name=$name" --no-headers@MORE@ > "$TMP/answer" 2> "$TMP/error" < /dev/null; then
      awk -v of="$name" 'BEGIN { printf "{\"kind\":\"List\",\"of\":\"%s\",\"items\":[", of }
        NF > 1 { printf "%s{\"kind\":\"Secret\",\"metadata\":{\"namespace\":\"%s\",\"name\":\"%s\"}}", (n++ ? "," : ""), $1, $2 }
        END { print "]}" }' "$TMP/answer" >> "$TMP/elsewhere.items"
    else
      printf '"%s":"%s"\n' "$name" "$(why)" >> "$TMP/elsewhere.refused"
    fi
  fi
  for kind in missing refused; do
    [ ! -e "$TMP/secrets.head.$kind" ] || cat "$TMP/secrets.head.$kind" >> "$TMP/secrets.$kind"
  done
  rm -f "$TMP"/secrets.head.*
done

# For the node of each of them: platform, conditions, names of its images.
cut -d' ' -f3 "$TMP/pods" | sort -u | while read -r name; do
  [ "$name" = - ] || thing nodes "$name" get node "$name" --output "go-template=$NODE"@MORE@ < /dev/null
done
for list in serviceaccounts secrets nodes elsewhere; do close "$list"; done
