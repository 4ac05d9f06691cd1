//! The same questions as a shell script, to be read before it is run where the tool is not.
//!
//! `kubectl` reduces the answers itself, by templates made of the fields below. What is inside a pull
//! secret it cannot reduce: of its text the script keeps keys whose value is an object, which are the
//! registries. Such a key ends in `":` and `{` outside of any string; a quote inside a string has a
//! backslash before it, and a string that ends is followed by `,` or `}`. So no value can pass, however
//! it is written. Whether a login has the right form is not seen that way, and is told as not seen.

mod template;

use std::fmt::Write as _;

use pullwhy_catalogue::shell_word;
use serde_json::json;

use super::folder::KUBERNETES_FORM;
use super::questions::{Scope, typed};
use crate::folder::MANIFEST;
use template::{ACCOUNT, EVENT, NAMES, NODE, POD, SECRET, list, object};

/// Functions of the script. `@MORE@` names the cluster in each command.
const FUNCTIONS: &str = include_str!("script/functions.sh");
/// What is asked about what the pods name.
const THINGS: &str = include_str!("script/things.sh");

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
         : > \"$TMP/names\"\n\n{}",
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
         NODE='{}'\n\n{}",
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
