//! The form of a configuration: what engines read out of it must be of the kind that they take it for.

use serde_json::Value;

/// What a value must be, or be left out.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// Docker takes a text too.
    Texts,
    Names,
    Object,
    List,
    Date,
    Flag,
}

/// Where what must stand: what Docker, containerd and Podman all read (OCI image specification,
/// `specs-go/v1/config.go`). Tried with 20.10, 1.6 and 4.3: each refuses the image otherwise.
const FORM: [(&[&str], Kind); 20] = [
    (&["created"], Kind::Date),
    (&["author"], Kind::Text),
    (&["architecture"], Kind::Text),
    (&["os"], Kind::Text),
    (&["config"], Kind::Object),
    (&["config", "User"], Kind::Text),
    (&["config", "ExposedPorts"], Kind::Names),
    (&["config", "Env"], Kind::List),
    (&["config", "Entrypoint"], Kind::Texts),
    (&["config", "Cmd"], Kind::Texts),
    (&["config", "Volumes"], Kind::Names),
    (&["config", "WorkingDir"], Kind::Text),
    (&["config", "Labels"], Kind::Names),
    (&["config", "StopSignal"], Kind::Text),
    (&["rootfs"], Kind::Object),
    (&["rootfs", "type"], Kind::Text),
    (&["history"], Kind::List),
    (&["history", "created"], Kind::Date),
    (&["history", "created_by"], Kind::Text),
    (&["history", "empty_layer"], Kind::Flag),
];

/// What engines cannot read, in words.
pub(super) fn unreadable(config: &Value) -> Option<String> {
    FORM.iter().find_map(|(path, kind)| {
        let (name, folders) = path.split_last()?;
        let folder = folders.iter().fold(config, |value, name| &value[*name]);
        let values = match folder {
            Value::Array(list) => list.iter().map(|one| &one[*name]).collect(),
            other => vec![&other[*name]],
        };
        let wrong = values.into_iter().find(|value| !is(value, *kind))?;
        let shown: String = wrong.to_string().chars().take(40).collect();
        let what = match kind {
            Kind::Text => "no text",
            Kind::Texts | Kind::List => "no list",
            Kind::Names | Kind::Object => "no object",
            Kind::Date => "no date of RFC 3339",
            Kind::Flag => "neither true nor false",
        };
        Some(format!(
            "the configuration cannot be read: `{}` is {what}: {shown}",
            path.join(".")
        ))
    })
}

fn is(value: &Value, kind: Kind) -> bool {
    let texts = |list: &[Value]| list.iter().all(|one| one.is_string() || one.is_null());
    match (kind, value) {
        (_, Value::Null)
        | (Kind::Text | Kind::Texts, Value::String(_))
        | (Kind::Names | Kind::Object, Value::Object(_))
        | (Kind::Flag, Value::Bool(_)) => true,
        (Kind::Texts, Value::Array(list)) => texts(list),
        (Kind::List, Value::Array(list)) => texts(list) || list.iter().all(Value::is_object),
        (Kind::Date, Value::String(text)) => is_date(text),
        _ => false,
    }
}

/// `2006-01-02T15:04:05.999Z` or with an offset in place of `Z`.
fn is_date(text: &str) -> bool {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to).unwrap_or_default();
        let all = digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse::<u32>().ok().filter(|_| all)
    };
    let at = |at: usize, byte: u8| text.as_bytes().get(at) == Some(&byte);
    let within = |value: Option<u32>, least: u32, most: u32| {
        value.is_some_and(|n| (least..=most).contains(&n))
    };
    let date = number(0, 4).is_some()
        && at(4, b'-')
        && within(number(5, 7), 1, 12)
        && at(7, b'-')
        && within(number(8, 10), 1, 31);
    let time = at(10, b'T')
        && within(number(11, 13), 0, 23)
        && at(13, b':')
        && within(number(14, 16), 0, 59)
        && at(16, b':')
        && within(number(17, 19), 0, 59);
    let rest = text.get(19..).unwrap_or_default();
    let rest = match rest.strip_prefix(['.', ',']) {
        Some(fraction) if fraction.starts_with(|c: char| c.is_ascii_digit()) => {
            fraction.trim_start_matches(|c: char| c.is_ascii_digit())
        }
        Some(_) => return false,
        None => rest,
    };
    let offset = rest.strip_prefix(['+', '-']).is_some_and(|offset| {
        let digit = |at: usize| offset.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
        offset.len() == 5 && offset.as_bytes()[2] == b':' && [0, 1, 3, 4].into_iter().all(digit)
    });
    date && time && (rest == "Z" || offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_engines_cannot_read_is_named() {
        for (config, wanted) in [
            (
                json!({"config": {"Env": "notalist"}}),
                "`config.Env` is no list",
            ),
            (json!({"config": {"Env": [1]}}), "`config.Env` is no list"),
            (json!({"created": "not a date"}), "`created` is no date"),
            (
                json!({"history": [{}, {"created": 5}]}),
                "`history.created` is no date",
            ),
            (json!({"config": []}), "`config` is no object"),
            (json!({"os": 1}), "`os` is no text"),
        ] {
            let told = unreadable(&config).unwrap_or_default();
            assert!(told.contains(wanted), "{config}: {told}");
        }
    }

    #[test]
    fn what_engines_read_is_no_fault() {
        for config in [
            json!({}),
            json!({"config": null, "history": null, "created": null}),
            json!({"config": {"Env": ["A=b"], "Cmd": "sh", "Labels": {"a": "b"}, "Healthcheck": {"Test": ["x"]}}}),
            json!({"created": "2020-01-01T00:00:00Z", "history": [{"created": "2019-12-31T23:59:59.123456789+01:00", "empty_layer": true}]}),
            json!({"created": "0001-01-01T00:00:00Z", "rootfs": {"type": "wrong"}}),
        ] {
            assert_eq!(unreadable(&config), None, "{config}");
        }
    }
}
