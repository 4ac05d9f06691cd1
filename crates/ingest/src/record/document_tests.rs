//! What documents on one line are taken apart into.

use super::*;

/// Message, original text of it, and record of every part.
fn parts(text: &str) -> Vec<(String, String, Record)> {
    let found = split(text).unwrap_or_default();
    let read = |p: Part| {
        let (from, to) = p.message.original((0, p.message.text.len()));
        (p.message.text, text[from..to].to_owned(), p.record)
    };
    found.into_iter().map(read).collect()
}

fn fact(record: &Record, name: &str) -> String {
    let found = record.facts.get(name);
    found.map(ToString::to_string).unwrap_or_default()
}

#[test]
fn events_of_kubectl() {
    let text = r#"{"apiVersion":"v1","items":[{"count":9,"involvedObject":{"kind":"Pod","name":"web-2","namespace":"shop"},"lastTimestamp":"2026-03-01T10:05:00Z","message":"Back-off pulling image \"r.example/b:1\"","source":{"component":"kubelet","host":"n2"}},{"count":4,"firstTimestamp":"2026-03-01T10:00:00Z","involvedObject":{"kind":"Pod","name":"web-1","namespace":"shop"},"lastTimestamp":"2026-03-01T10:02:31Z","message":"Failed to pull image \"r.example/a:1\"","metadata":{"name":"web-1.17b1"},"source":{"component":"kubelet","host":"n1"}}],"kind":"List","metadata":{"resourceVersion":""}}"#;
    let found = parts(text);
    assert_eq!(found.len(), 2);
    let (message, raw, record) = &found[0];
    assert_eq!(message, "Failed to pull image \"r.example/a:1\"");
    assert!(
        raw.starts_with(r#"Failed to pull image \"r.example/a:1"#),
        "{raw}"
    );
    assert_eq!(
        (record.times, record.host.as_deref()),
        (Some(4), Some("n1"))
    );
    assert_eq!(record.client, Some("kubelet"));
    assert_eq!(
        (fact(record, "pod"), fact(record, "namespace")),
        ("web-1".into(), "shop".into())
    );
    assert_eq!(record.first_at, "2026-03-01T10:00:00Z".parse().ok());
    assert_eq!(fact(&found[1].2, "pod"), "web-2");
}

#[test]
fn rows_of_log_analytics() {
    let text = r#"{"tables":[{"name":"PrimaryResult","columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"Host","type":"string"},{"name":"Message","type":"string"}],"rows":[["2026-04-04T05:50:02Z","RD0003FF111111","second"],["2026-04-04T05:50:01Z","RD0003FF222222","Pulling image: contoso.azurecr.io/a:1"]]}]}"#;
    let found = parts(text);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].0, "Pulling image: contoso.azurecr.io/a:1");
    assert_eq!(found[0].2.host.as_deref(), Some("RD0003FF222222"));
    assert_eq!(found[1].2.last_at, "2026-04-04T05:50:02Z".parse().ok());
}

#[test]
fn a_container_group_and_a_pod() {
    let text = r#"{"id":"/subscriptions/x/resourceGroups/rg1/providers/Microsoft.ContainerInstance/containerGroups/etl","containers":[{"name":"etl","image":"contoso.azurecr.io/etl:1","instanceView":{"restartCount":0,"events":[{"count":3,"firstTimestamp":"2026-03-01T10:00:00+00:00","lastTimestamp":"2026-03-01T10:01:00+00:00","message":"Failed to pull image","name":"Failed","type":"Warning"}]}}],"name":"etl"}"#;
    let found = parts(text);
    let record = &found[0].2;
    assert_eq!(
        (found.len(), record.times, record.client),
        (1, Some(3), Some("aci"))
    );
    assert_eq!(
        (fact(record, "site"), fact(record, "group")),
        ("etl".into(), "rg1".into())
    );
    let image = record.image.as_ref().map(|i| i.reference.as_str());
    assert_eq!(image, Some("contoso.azurecr.io/etl:1"));

    let text = r#"{"kind":"Pod","metadata":{"name":"web-1","namespace":"shop"},"spec":{"nodeName":"n1"},"status":{"containerStatuses":[{"image":"r.example/a:1","name":"web","state":{"waiting":{"message":"rpc error: x","reason":"ErrImagePull"}}},{"image":"r.example/b:1","state":{"waiting":{"reason":"ErrImagePull"}}}],"phase":"Pending"}}"#;
    let found = parts(text);
    assert_eq!(
        (found[0].0.as_str(), found[1].0.as_str()),
        ("rpc error: x", "ErrImagePull")
    );
    for (index, image) in ["r.example/a:1", "r.example/b:1"].into_iter().enumerate() {
        let record = &found[index].2;
        assert_eq!(
            record.image.as_ref().map(|i| i.reference.as_str()),
            Some(image)
        );
        assert_eq!(
            (fact(record, "pod"), record.host.as_deref()),
            ("web-1".into(), Some("n1"))
        );
    }
}

#[test]
fn single_records() {
    for (line, message, at) in [
        (
            r#"{"log":"Pulling image: r.example/a:1\n","stream":"stderr","time":"2026-03-01T10:00:00Z"}"#,
            "Pulling image: r.example/a:1 ",
            Some("2026-03-01T10:00:00Z"),
        ),
        (
            r#"{"time":"2026-03-01T10:00:00Z","category":"AppServicePlatformLogs","properties":{"message":"a \u00e9\ud83d\ude00 \"b\""}}"#,
            "a é😀 \"b\"",
            Some("2026-03-01T10:00:00Z"),
        ),
        (
            r#"{"__REALTIME_TIMESTAMP":"1772359200123456","MESSAGE":[110,111,32,27,91,49,109,195,169,255]}"#,
            "no \u{1b}[1mé\u{fffd}",
            Some("2026-03-01T10:00:00.123456Z"),
        ),
        (
            r#"{"level":"error","ts":1772359200.5,"msg":"cut o"#,
            "cut o",
            Some("2026-03-01T10:00:00.5Z"),
        ),
    ] {
        let found = parts(line);
        assert_eq!(found.len(), 1, "{line}");
        assert_eq!(found[0].0, message);
        assert_eq!(
            found[0].2.last_at,
            at.and_then(|t| t.parse().ok()),
            "{line}"
        );
    }
    // What failed and why stay together.
    for line in [
        r#"{"level":"error","msg":"PullImage \"a\" failed","error":"x"}"#,
        r#"{"errorDetail":{"message":"x"},"error":"x"}"#,
        r#"{"code":"TOOMANYREQUESTS","message":"x"}"#,
    ] {
        assert_eq!(parts(line)[0].0, line);
    }
}

#[test]
fn what_is_no_document_is_left_alone() {
    for text in [
        "",
        "{",
        "[",
        "{}",
        "[pod/web-1/app] x",
        "[+] Running 0/1",
        "[internal] load x",
        "[2022-01-17T09:20:05Z] Validating",
        r#"{"status":"Pulling from library/nginx","id":"1"}"#,
        r#"{"message":"x"} and words behind it"#,
        r#"{"message":"response={"message":"x"}"}"#,
        r#"{"message""#,
        "{\"a\":\"\\",
        "{:}]",
    ] {
        assert_eq!(split(text), None, "{text}");
    }
    let deep = "[".repeat(1000);
    assert_eq!(split(&deep), None);
}
