//! Templates by which `kubectl` keeps named fields of an object, as JSON on one line.

use std::fmt::Write as _;

/// A field that is kept.
pub(super) enum Field {
    Text(&'static str),
    Number(&'static str),
    Flag(&'static str),
    One(&'static str, &'static [Self]),
    Many(&'static str, &'static [Self]),
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
pub(super) const POD: &[Field] = &[
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
pub(super) const EVENT: &[Field] = &[
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
pub(super) const ACCOUNT: &[Field] = &[Text("kind"), METADATA, Many("imagePullSecrets", NAMED)];
pub(super) const NODE: &[Field] = &[
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
pub(super) const SECRET: &[Field] = &[
    Text("kind"),
    METADATA,
    Text("type"),
    Template(
        r#"{{- with .data}}"keys":[{{range $k, $v := .}}{{printf "%q" $k}},{{end}}""],{{end}}"#,
    ),
];

/// An object as a template; each field that is there ends in a comma, and `_` ends them.
pub(super) fn object(fields: &[Field]) -> String {
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
pub(super) fn list(fields: &[Field]) -> String {
    format!(
        "{{\"kind\":\"List\",\"of\":\"kubectl\",\"items\":[{{{{range $i, $e := .items}}}}{{{{if $i}}}},{{{{end}}}}{{{{\"\\n\"}}}}{}{{{{end}}}}{{{{\"\\n\"}}}}]}}",
        object(fields)
    )
}

/// What a pod that does not run names: its namespace, account, node, pull secrets.
pub(super) const NAMES: &str = r#"{{range .items}}{{$p := .}}{{$failing := false}}
  {{- range .status.containerStatuses}}{{if not .ready}}{{$failing = true}}{{end}}{{end}}
  {{- range .status.initContainerStatuses}}{{if not .ready}}{{$failing = true}}{{end}}{{end}}
  {{- if and $failing (ne .status.phase "Succeeded")}}{{.metadata.namespace}} {{or .spec.serviceAccountName "-"}} {{or .spec.nodeName "-"}}
  {{- range .spec.imagePullSecrets}} {{.name}}{{end}}{{"\n"}}{{end}}{{end}}"#;

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
}
