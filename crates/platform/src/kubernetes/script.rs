//! The same questions as a shell script, to be read before it is run where the tool is not.
//!
//! `kubectl` reduces the answers itself, by templates made of the fields below. What is inside a pull
//! secret it cannot reduce: of its text the script keeps keys whose value is an object, which are the
//! registries. Such a key ends in `":` and `{` outside of any string; a quote inside a string has a
//! backslash before it, and a string that ends is followed by `,` or `}`. So no value can pass, however
//! it is written. Whether a login has the right form is not seen that way, and is told as not seen.

use std::fmt::Write as _;

use pullwhy_catalogue::shell_word;
use serde_json::json;

use super::folder::KUBERNETES_FORM;
use super::questions::{Scope, typed};
use crate::folder::MANIFEST;

/// A field that is kept.
enum Field {
    Text(&'static str),
    Number(&'static str),
    Flag(&'static str),
    One(&'static str, &'static [Field]),
    Many(&'static str, &'static [Field]),
    /// Written as it stands.
    Template(&'static str),
}

use Field::{Flag, Many, Number, One, Template, Text};

const NAMED: &[Field] = &[Text("name")];
const METADATA: Field = One(
    "metadata",
    &[
        Text("name"),
        Text("namespace"),
        Text("creationTimestamp"),
        Many("ownerReferences", &[Text("kind"), Text("name")]),
    ],
);
const CONTAINER: &[Field] = &[Text("name"), Text("image"), Text("imagePullPolicy")];
const STATE: &[Field] = &[
    One("waiting", &[Text("reason"), Text("message")]),
    One(
        "terminated",
        &[
            Text("reason"),
            Number("exitCode"),
            // Of other ends, the message is the program's own.
            Template(
                r#"{{- if .reason}}{{if or (eq .reason "StartError") (eq .reason "ContainerCannotRun")}}{{with .message}}"message":{{printf "%q" .}},{{end}}{{end}}{{end}}"#,
            ),
        ],
    ),
];
const STATUS: &[Field] = &[
    Text("name"),
    Text("image"),
    Text("imageID"),
    Flag("ready"),
    Number("restartCount"),
    One("state", STATE),
    One("lastState", STATE),
];
const POD: &[Field] = &[
    Text("kind"),
    METADATA,
    One(
        "spec",
        &[
            Text("serviceAccountName"),
            Text("nodeName"),
            Many("containers", CONTAINER),
            Many("initContainers", CONTAINER),
            Many("ephemeralContainers", CONTAINER),
            Many("imagePullSecrets", NAMED),
        ],
    ),
    One(
        "status",
        &[
            Text("phase"),
            Text("reason"),
            Text("startTime"),
            Many("containerStatuses", STATUS),
            Many("initContainerStatuses", STATUS),
            Many("ephemeralContainerStatuses", STATUS),
        ],
    ),
];
const ABOUT: &[Field] = &[
    Text("kind"),
    Text("name"),
    Text("namespace"),
    Text("fieldPath"),
];
const EVENT: &[Field] = &[
    Text("kind"),
    METADATA,
    Text("reason"),
    Text("message"),
    Text("type"),
    Number("count"),
    Text("firstTimestamp"),
    Text("lastTimestamp"),
    Text("eventTime"),
    Text("reportingComponent"),
    One("involvedObject", ABOUT),
    One("source", &[Text("component"), Text("host")]),
    One("series", &[Number("count"), Text("lastObservedTime")]),
];
const ACCOUNT: &[Field] = &[Text("kind"), METADATA, Many("imagePullSecrets", NAMED)];
const NODE: &[Field] = &[
    Text("kind"),
    METADATA,
    One(
        "status",
        &[
            One(
                "nodeInfo",
                &[
                    Text("operatingSystem"),
                    Text("architecture"),
                    Text("containerRuntimeVersion"),
                    Text("kubeletVersion"),
                    Text("osImage"),
                ],
            ),
            Many(
                "conditions",
                &[
                    Text("type"),
                    Text("status"),
                    Text("reason"),
                    Text("lastTransitionTime"),
                ],
            ),
            Many(
                "images",
                &[Template(
                    r#"{{- with .names}}"names":[{{range $i, $e := .}}{{if $i}},{{end}}{{printf "%q" .}}{{end}}],{{end}}"#,
                )],
            ),
        ],
    ),
];
const SECRET: &[Field] = &[
    Text("kind"),
    METADATA,
    Text("type"),
    Template(
        r#"{{- with .data}}"keys":[{{range $k, $v := .}}{{printf "%q" $k}},{{end}}""],{{end}}"#,
    ),
];

/// An object as a template; each field that is there ends in a comma, and `_` ends them.
fn object(fields: &[Field]) -> String {
    let mut out = "{ ".to_owned();
    for field in fields {
        out.push_str("\n  ");
        let _ = match field {
            Text(n) => write!(
                out,
                r#"{{{{- with .{n}}}}}"{n}":{{{{printf "%q" .}}}},{{{{end}}}}"#
            ),
            Number(n) => write!(
                out,
                r#"{{{{- with .{n}}}}}"{n}":{{{{printf "%v" .}}}},{{{{end}}}}"#
            ),
            Flag(n) => write!(
                out,
                r#"{{{{- if .{n}}}}}"{n}":true,{{{{else}}}}"{n}":false,{{{{end}}}}"#
            ),
            One(n, inner) => write!(
                out,
                r#"{{{{- with .{n}}}}}"{n}":{},{{{{end}}}}"#,
                object(inner)
            ),
            Many(n, inner) => write!(
                out,
                r#"{{{{- with .{n}}}}}"{n}":[{{{{range $i, $e := .}}}}{{{{if $i}}}},{{{{end}}}}{}{{{{end}}}}],{{{{end}}}}"#,
                object(inner)
            ),
            Template(text) => write!(out, "{text}"),
        };
    }
    out.push_str("\n  {{- \"\"}}\"_\":0}");
    out
}

/// A list of such objects, each on a line of its own.
fn list(fields: &[Field]) -> String {
    format!(
        "{{\"kind\":\"List\",\"of\":\"kubectl\",\"items\":[{{{{range $i, $e := .items}}}}{{{{if $i}}}},{{{{end}}}}{{{{\"\\n\"}}}}{}{{{{end}}}}{{{{\"\\n\"}}}}]}}",
        object(fields)
    )
}

/// What a pod that does not run names: its namespace, account, node, pull secrets.
const NAMES: &str = r#"{{range .items}}{{$p := .}}{{$failing := false}}
  {{- range .status.containerStatuses}}{{if not .ready}}{{$failing = true}}{{end}}{{end}}
  {{- range .status.initContainerStatuses}}{{if not .ready}}{{$failing = true}}{{end}}{{end}}
  {{- if and $failing (ne .status.phase "Succeeded")}}{{.metadata.namespace}} {{or .spec.serviceAccountName "-"}} {{or .spec.nodeName "-"}}
  {{- range .spec.imagePullSecrets}} {{.name}}{{end}}{{"\n"}}{{end}}{{end}}"#;

/// Functions of the script. `@MORE@` names the cluster in each command.
const FUNCTIONS: &str = r#"
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
"#;

/// What is asked about what the pods name.
const THINGS: &str = r#"
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
"#;

/// The script.
pub fn script(scope: &Scope, folder: &str) -> String {
    let (mut listed, mut more) = (String::new(), String::new());
    if scope.all {
        listed.push_str(" --all-namespaces");
    } else if let Some(space) = &scope.namespace {
        let _ = write!(listed, " --namespace {}", shell_word(space));
    }
    for (option, value) in [
        ("--context", &scope.context),
        ("--kubeconfig", &scope.kubeconfig),
    ] {
        if let Some(value) = value {
            let _ = write!(more, " {option} {}", shell_word(value));
        }
    }
    let only = |field: &str| {
        let selector = scope.pod.as_ref().map(|pod| format!("{field}={pod}"));
        selector.map_or(String::new(), |s| {
            format!(" --field-selector {}", shell_word(&s))
        })
    };
    let pods = format!("get pods{listed}{}", only("metadata.name"));
    let events = format!("get events{listed}{}", only("involvedObject.name"));
    let mut out = format!(
        "#!/bin/sh\n\
         # Collects what `pullwhy kubernetes --facts FOLDER` needs of pods that fail to get an image. Run it\n\
         # where `kubectl` is and reaches the cluster:\n\
         #   sh collect.sh\n\
         #\n\
         # Every command is a `kubectl get`. Fields that are not named below do not leave it: no environment,\n\
         # no arguments, no volumes, no annotations. Of a pull secret its type, the names of its keys and the\n\
         # names of its registries are kept; no user name, password or token is written or shown. Whether a\n\
         # login has the right form is seen only by the tool itself: {}\n\
         set -u\n\
         DIR=${{1:-{}}}\n\
         umask 077\n\
         mkdir -p \"$DIR\" || exit 2\n\
         command -v kubectl > /dev/null || {{ echo 'kubectl is not on the PATH' >&2; exit 2; }}\n\
         TMP=$(mktemp -d) || exit 2\n\
         trap 'rm -rf \"$TMP\"' EXIT\n\
         : > \"$TMP/unread\"\n\
         : > \"$TMP/names\"\n{}",
        typed_collect(scope),
        shell_word(folder),
        FUNCTIONS.replace("@MORE@", &more)
    );
    let _ = write!(
        out,
        "\n# Of each pod: names, images, pull policy, pull secrets' names, node, state of its containers.\n\
         POD='{}'\n\
         lists pods {pods} --output \"go-template=$POD\"{more}\n\
         \n\
         # Of each event: reason, message, times, what it is about.\n\
         EVENT='{}'\n\
         lists events {events} --output \"go-template=$EVENT\"{more}\n\
         \n\
         # What pods name that do not run: namespace, service account, node, pull secrets.\n\
         NAMES='{NAMES}'\n\
         kubectl {pods} --output \"go-template=$NAMES\"{more} > \"$TMP/names\" 2> /dev/null\n\
         ACCOUNT='{}'\n\
         SECRET='{}'\n\
         NODE='{}'\n{}",
        list(POD),
        list(EVENT),
        object(ACCOUNT),
        object(SECRET),
        object(NODE),
        THINGS.replace("@MORE@", &more)
    );
    let manifest = json!({"form": KUBERNETES_FORM, "pod": scope.pod}).to_string();
    let manifest = manifest.trim_end_matches('}');
    let _ = write!(
        out,
        "\nprintf '%s,\"at\":\"%s\",\"unread\":[%s]}}\\n' {} \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\" \"$(paste -sd, \"$TMP/unread\")\" > \"$DIR/{MANIFEST}\"\n\
         if [ ! -e \"$DIR/pods.json\" ] && [ ! -e \"$DIR/events.json\" ]; then\n  \
           echo 'neither pods nor events could be read: see above; log in to the cluster first' >&2\n  \
           exit 2\n\
         fi\n\
         echo \"done: copy the folder $DIR, then run: pullwhy kubernetes --facts $DIR\" >&2\n",
        shell_word(manifest)
    );
    out
}

/// The command that collects with the tool itself.
fn typed_collect(scope: &Scope) -> String {
    let mut words = Vec::new();
    words.extend(scope.pod.clone());
    if scope.all {
        words.push("--all-namespaces".to_owned());
    }
    for (option, value) in [
        ("--namespace", &scope.namespace),
        ("--context", &scope.context),
        ("--kubeconfig", &scope.kubeconfig),
    ] {
        if let Some(value) = value {
            words.extend([option.to_owned(), value.clone()]);
        }
    }
    words.extend(["--run".to_owned(), "DIR".to_owned()]);
    let words = typed(&words);
    let words = words.trim_start_matches("kubectl ");
    format!("\n#   pullwhy kubernetes collect {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_template_ends_the_quotes_that_it_stands_in() {
        for fields in [POD, EVENT, ACCOUNT, NODE, SECRET] {
            let template = list(fields);
            assert!(!template.contains('\''), "{template}");
            assert_eq!(
                template.matches("{{").count(),
                template.matches("}}").count(),
                "{template}"
            );
        }
        assert!(!NAMES.contains('\''));
    }

    #[test]
    fn names_of_the_user_stay_words() {
        let hostile = "x'; touch /tmp/pwned #".to_owned();
        let scope = Scope {
            namespace: Some(hostile.clone()),
            pod: Some(hostile.clone()),
            context: Some(hostile),
            ..Scope::default()
        };
        let script = script(&scope, "facts");
        let code = script.lines().filter(|l| !l.starts_with('#'));
        for line in code {
            assert!(!line.contains("x'; touch"), "{line}");
        }
    }
}
