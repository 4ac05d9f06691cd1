//! Shapes of logs: documents on one line, colours, times without year, other programs' failures.

mod support;

use pullwhy_model::{Confidence, Incident, Outcome, Report};
use support::explained;

fn causes(report: &Report) -> Vec<String> {
    let told = |i: &Incident| {
        let image = i.image.as_ref().map_or("-", |i| i.reference.as_str());
        format!("{} {image}", i.cause)
    };
    report.incidents.iter().map(told).collect()
}

fn only(log: &str) -> Incident {
    let mut report = explained(log);
    assert_eq!(report.incidents.len(), 1, "{:?}", causes(&report));
    report.incidents.remove(0)
}

/// What the first evidence of an incident says its place in the log is.
fn quoted<'a>(incident: &Incident, log: &'a str) -> &'a str {
    let evidence = &incident.evidence[0];
    let line = usize::try_from(evidence.line).expect("small") - 1;
    let from = usize::try_from(evidence.column).expect("small") - 1;
    let length = usize::try_from(evidence.length).expect("small");
    &log.lines().nth(line).expect("there")[from..from + length]
}

const EVENTS: &str = r#"{"apiVersion":"v1","items":[{"count":4,"firstTimestamp":"2026-03-01T10:00:00Z","involvedObject":{"kind":"Pod","name":"web-1","namespace":"shop"},"lastTimestamp":"2026-03-01T10:02:31Z","message":"Failed to pull image \"r.example/a:1\": rpc error: code = Unknown desc = failed to pull and unpack image \"r.example/a:1\": failed to resolve reference \"r.example/a:1\": failed to do request: Head \"https://r.example/v2/a/manifests/1\": dial tcp: lookup r.example on 10.0.0.10:53: no such host","metadata":{"name":"web-1.17b1"},"reason":"Failed","source":{"component":"kubelet","host":"n1"},"type":"Warning"},{"count":2,"firstTimestamp":"2026-03-01T10:01:00Z","involvedObject":{"kind":"Pod","name":"db-1","namespace":"shop"},"lastTimestamp":"2026-03-01T10:03:31Z","message":"Failed to pull image \"r.example/b:2\": rpc error: code = Unknown desc = failed to pull and unpack image \"r.example/b:2\": failed to resolve reference \"r.example/b:2\": failed to do request: Head \"https://r.example/v2/b/manifests/2\": x509: certificate signed by unknown authority","metadata":{"name":"db-1.17b1"},"reason":"Failed","source":{"component":"kubelet","host":"n2"},"type":"Warning"}],"kind":"List"}"#;

#[test]
fn two_events_on_one_line_are_two_incidents() {
    let report = explained(EVENTS);
    assert_eq!(
        causes(&report),
        [
            "network/dns-no-such-host r.example/a:1",
            "network/tls-unknown-authority r.example/b:2"
        ]
    );
    for (incident, (node, pod, count)) in report
        .incidents
        .iter()
        .zip([("n1", "web-1", 4), ("n2", "db-1", 2)])
    {
        assert_eq!(incident.instance.as_deref(), Some(node));
        assert_eq!(incident.facts["pod"].to_string(), pod);
        assert_eq!(
            (incident.count, incident.client.as_str()),
            (count, "kubelet")
        );
    }
    let first = &report.incidents[0];
    let time = |t: Option<pullwhy_model::Timestamp>| t.map(|t| t.to_string());
    assert_eq!(
        time(first.first_seen).as_deref(),
        Some("2026-03-01T10:00:00Z")
    );
    assert_eq!(
        time(first.last_seen).as_deref(),
        Some("2026-03-01T10:02:31Z")
    );
    assert_eq!(
        quoted(first, EVENTS),
        "lookup r.example on 10.0.0.10:53: no such host"
    );
}

#[test]
fn a_document_longer_than_a_window_is_still_taken_apart() {
    let filler =
        r#"{"message":"Created container web","involvedObject":{"kind":"Pod","name":"x"}},"#;
    let log = EVENTS.replacen("[{", &format!("[{}{{", filler.repeat(4000)), 1);
    let report = explained(&log);
    assert_eq!(report.incidents.len(), 2, "{:?}", causes(&report));
    assert!(quoted(&report.incidents[0], &log).ends_with("no such host"));
}

#[test]
fn rows_of_log_analytics_are_single_messages_in_order_of_time() {
    let incident = only(
        r#"{"tables":[{"name":"PrimaryResult","columns":[{"name":"TimeGenerated","type":"datetime"},{"name":"Level","type":"string"},{"name":"Message","type":"string"},{"name":"Host","type":"string"},{"name":"_ResourceId","type":"string"}],"rows":[["2026-04-04T05:50:04Z","Error","DockerApiException: Docker API responded with status code=InternalServerError, response={\"message\":\"Get \\\"https://contoso.azurecr.io/v2/web/manifests/1\\\": unauthorized: authentication required\"}","RD0003FF111111","/subscriptions/x/resourcegroups/rg1/providers/microsoft.web/sites/shop"],["2026-04-04T05:50:03Z","Informational","Pulling image from Docker hub: contoso.azurecr.io/web:1","RD0003FF111111","/subscriptions/x/resourcegroups/rg1/providers/microsoft.web/sites/shop"],["2026-04-04T05:50:02Z","Error","DockerApiException: Docker API responded with status code=NotFound, response={\"message\":\"manifest for contoso.azurecr.io/web:1 not found: manifest unknown: manifest tagged by \\\"1\\\" is not found\"}","RD0003FF111111","/subscriptions/x/resourcegroups/rg1/providers/microsoft.web/sites/shop"],["2026-04-04T05:50:01Z","Informational","Pulling image: contoso.azurecr.io/web:1","RD0003FF111111","/subscriptions/x/resourcegroups/rg1/providers/microsoft.web/sites/shop"]]}]}"#,
    );
    assert_eq!(incident.cause, *"reference/tag-not-found");
    assert_eq!(incident.client, "appservice");
    assert_eq!(incident.instance.as_deref(), Some("RD0003FF111111"));
    assert_eq!(incident.facts["site"].to_string(), "shop");
    let image = incident.image.expect("named");
    assert_eq!(image.reference, "contoso.azurecr.io/web:1");
}

#[test]
fn a_container_group_and_a_pod_on_one_line() {
    let incident = only(
        r#"{"id":"/subscriptions/0/resourceGroups/rg1/providers/Microsoft.ContainerInstance/containerGroups/etl","containers":[{"name":"etl","image":"contoso.azurecr.io/etl:1","instanceView":{"events":[{"count":3,"firstTimestamp":"2026-03-01T10:00:01+00:00","lastTimestamp":"2026-03-01T10:01:01+00:00","message":"Failed to pull image \"contoso.azurecr.io/etl:1\": rpc error: code = Unknown desc = dial tcp 10.0.0.5:443: i/o timeout","name":"Failed","type":"Warning"},{"count":1,"firstTimestamp":"2026-03-01T10:00:00+00:00","lastTimestamp":"2026-03-01T10:00:00+00:00","message":"pulling image \"contoso.azurecr.io/etl:1\"","name":"Pulling","type":"Normal"}]}}],"name":"etl","resourceGroup":"rg1"}"#,
    );
    assert_eq!((incident.client.as_str(), incident.count), ("aci", 3));
    assert_eq!(incident.cause, *"network/connect-timeout");
    let incident = only(
        r#"{"kind":"Pod","metadata":{"name":"web-1","namespace":"shop"},"spec":{"nodeName":"n1"},"status":{"containerStatuses":[{"image":"r.example/a:1","name":"web","state":{"waiting":{"message":"rpc error: code = Unknown desc = Error response from daemon: toomanyrequests: You have reached your pull rate limit.","reason":"ErrImagePull"}}}]}}"#,
    );
    assert_eq!(incident.cause, *"registry/rate-limited");
    assert_eq!(
        incident.image.expect("of the field").reference,
        "r.example/a:1"
    );
    assert_eq!(incident.instance.as_deref(), Some("n1"));
}

#[test]
fn the_reason_of_a_waiting_container_makes_a_vague_message_one_about_a_pull() {
    let message = "rpc error: code = Unknown desc = dial tcp 10.0.0.5:443: i/o timeout";
    for log in [
        format!(
            "{{\"status\":{{\"containerStatuses\":[{{\"image\":\"r.example/a:1\",\"state\":{{\"waiting\":{{\"message\":\"{message}\",\"reason\":\"ErrImagePull\"}}}}}}]}}}}"
        ),
        format!(
            "status:\n  containerStatuses:\n  - image: r.example/a:1\n    name: web\n    state:\n      waiting:\n        message: '{message}'\n        reason: ErrImagePull\n"
        ),
    ] {
        // More than a pasted message, so that it needs to be about a pull.
        let log = format!("{log}{}", "\nx: 1".repeat(10));
        let incident = only(&log);
        assert_eq!(incident.cause, *"network/connect-timeout");
        let image = incident.image.expect("of the field");
        assert_eq!(image.reference, "r.example/a:1");
        let log = log.replace("ErrImagePull", "RunContainerError");
        assert!(explained(&log).incidents.is_empty());
    }
}

#[test]
fn a_pod_as_yaml_lends_its_image() {
    let incident = only(
        "kind: Pod\nmetadata:\n  name: web-1\n  namespace: shop\nspec:\n  nodeName: n1\nstatus:\n  containerStatuses:\n  - image: r.example/a:1\n    name: web\n    state:\n      waiting:\n        message: 'rpc error: code = Unknown desc = Error response from daemon: toomanyrequests: You have reached your pull rate limit.'\n        reason: ErrImagePull\n",
    );
    assert_eq!(incident.cause, *"registry/rate-limited");
    assert_eq!(
        incident.image.expect("of the field").reference,
        "r.example/a:1"
    );
}

#[test]
fn an_image_in_a_json_log_ends_with_its_string() {
    let incident = only(
        "{\"log\":\"2026-04-04T05:50:01Z INFO  - Pulling image: contoso.azurecr.io/shop/web:1.5\\n\",\"stream\":\"stdout\",\"time\":\"2026-04-04T05:50:01Z\"}\n\
         {\"log\":\"2026-04-04T05:50:02Z ERROR - DockerApiException: response={\\\"message\\\":\\\"dial tcp: lookup contoso.azurecr.io on 10.0.0.1:53: no such host\\\"}\\n\",\"stream\":\"stdout\",\"time\":\"2026-04-04T05:50:02Z\"}\n",
    );
    assert_eq!(
        incident.image.expect("named").reference,
        "contoso.azurecr.io/shop/web:1.5"
    );
}

#[test]
fn journald_prints_messages_with_control_characters_as_bytes() {
    let text = "Handler for POST /v1.43/images/create returned error: Get \"https://r.example/v2/\": dial tcp: lookup r.example on 10.0.0.1:53: no \u{1b}[1msuch host";
    let bytes: Vec<String> = text.bytes().map(|b| b.to_string()).collect();
    let log = format!(
        r#"{{"__REALTIME_TIMESTAMP":"1772359200123456","_HOSTNAME":"node7","SYSLOG_IDENTIFIER":"dockerd","MESSAGE":[{}]}}"#,
        bytes.join(",")
    );
    let incident = only(&log);
    assert_eq!(incident.cause, *"network/dns-no-such-host");
    assert_eq!(incident.instance.as_deref(), Some("node7"));
    // `lookup … no such host`, as it stands there.
    assert!(quoted(&incident, &log).starts_with("108,111,111,107,117,112,32"));
    // A larger source is searched for words before it is read; the bytes have none.
    let filler = "{\"MESSAGE\":\"Started session\"}\n".repeat(3000);
    assert_eq!(
        only(&format!("{filler}{log}\n{filler}")).cause,
        incident.cause
    );
}

#[test]
fn colours_inside_words_change_nothing() {
    let log = "Error response from daemon: Get \"https://r.example/v2/\": dial tcp: lookup r.example on 10.0.0.1:53: no \u{1b}[1msuch host\u{1b}[0m";
    let incident = only(log);
    assert_eq!(incident.cause, *"network/dns-no-such-host");
    assert_eq!(incident.confidence, Confidence::Certain);
}

#[test]
fn containerd_and_cri_o_recover() {
    for (start, failure, success, client) in [
        (
            r#"msg="PullImage \"r.example/a:1\"""#,
            r#"msg="PullImage \"r.example/a:1\" failed" error="failed to pull and unpack image \"r.example/a:1\": failed to resolve reference \"r.example/a:1\": failed to do request: Head \"https://r.example/v2/a/manifests/1\": dial tcp 10.1.1.1:443: i/o timeout""#,
            r#"msg="PullImage \"r.example/a:1\" returns image reference \"sha256:4c3d1fb7\"""#,
            "containerd",
        ),
        (
            r#"msg="Pulling image: r.example/a:1" id=1 name=/runtime.v1.ImageService/PullImage"#,
            r#"msg="Failed to pull: initializing source docker://r.example/a:1: pinging container registry r.example: Get \"https://r.example/v2/\": dial tcp 10.1.1.1:443: i/o timeout" id=1 name=/runtime.v1.ImageService/PullImage"#,
            r#"msg="Pulled image: r.example/a@sha256:4c3d1fb7e6cb36cba175ea8782ccbfca0a745bf14f32c2c913806bb4c8927e64" id=2 name=/runtime.v1.ImageService/PullImage"#,
            "cri-o",
        ),
    ] {
        let failed = format!(
            "time=\"2024-05-01T10:00:00Z\" level=info {start}\ntime=\"2024-05-01T10:00:30Z\" level=error {failure}\n"
        );
        let incident = only(&failed);
        assert_eq!(incident.client, client);
        assert_eq!(incident.outcome, Outcome::Failed);
        let log = format!(
            "{failed}time=\"2024-05-01T10:05:00Z\" level=info {start}\ntime=\"2024-05-01T10:05:03Z\" level=info {success}\n"
        );
        assert_eq!(only(&log).outcome, Outcome::Recovered, "{log}");
        // So it must be in a log that is searched before it is read.
        let filler =
            "time=\"2024-05-01T10:05:03Z\" level=info msg=\"StartContainer\"\n".repeat(1000);
        assert_eq!(only(&format!("{log}{filler}")).outcome, Outcome::Recovered);
    }
}

#[test]
fn times_without_year_count_attempts_and_are_not_told() {
    let line = |time: &str| {
        format!(
            "E0813 {time}.728489    3049 kuberuntime_image.go:55] \"Failed to pull image\" err=\"rpc error: code = Unknown desc = failed to resolve reference \\\"r.example/a:1\\\": failed to do request: Head \\\"https://r.example/v2/a/manifests/1\\\": dial tcp: lookup r.example on 10.0.0.1:53: no such host\" image=\"r.example/a:1\"\n"
        )
    };
    let log = [
        line("22:34:54"),
        line("22:34:54"),
        line("22:35:54"),
        line("22:56:54"),
    ]
    .concat();
    let incident = only(&log);
    assert_eq!(incident.count, 3);
    assert_eq!(incident.client, "kubelet");
    assert_eq!((incident.first_seen, incident.last_seen), (None, None));
    assert!(incident.evidence.iter().all(|e| e.at.is_none()));

    let dated = "time=\"2024-08-13T22:30:00Z\" level=info msg=\"Pulling image: r.example/a:1\"\n";
    for log in [format!("{dated}{log}"), format!("{log}{dated}")] {
        let incident = only(&log);
        assert_eq!(incident.count, 3);
        let time = |t: Option<pullwhy_model::Timestamp>| t.map(|t| t.to_string());
        assert_eq!(
            time(incident.last_seen).as_deref(),
            Some("2024-08-13T22:56:54.728489Z")
        );
    }
}

#[test]
fn pushes_and_charts_are_no_pulls() {
    for log in [
        "time=\"2026-02-02T21:16:42Z\" level=error msg=\"Handler for POST /v1.43/images/r.example/team/app/push returned error: unauthorized: authentication required\"\n",
        "time=\"2026-02-02T21:16:42Z\" level=info msg=\"Attempting next endpoint for push after error: Get \\\"https://r.example/v2/\\\": x509: certificate signed by unknown authority\"\n",
        "Error: looks like \"https://charts.contoso.example/stable\" is not a valid chart repository or cannot be reached: Get \"https://charts.contoso.example/stable/index.yaml\": dial tcp: lookup charts.contoso.example on 10.0.0.1:53: no such host\n",
        "Error: failed to download \"https://charts.contoso.example/web-1.tgz\": x509: certificate signed by unknown authority\n",
    ] {
        let report = explained(log);
        assert!(report.incidents.is_empty(), "{log}{:?}", causes(&report));
    }
}

#[test]
fn a_failed_daemon_push_does_not_hide_a_pull() {
    let incident = only(
        "time=\"2026-02-02T21:16:42Z\" level=error msg=\"Handler for POST /v1.43/images/r.example/team/app/push returned error: unauthorized: authentication required\"\n\
         time=\"2026-02-02T21:16:43Z\" level=error msg=\"Handler for POST /v1.43/images/create returned error: Get \\\"https://r.example/v2/\\\": dial tcp: lookup r.example on 10.0.0.1:53: no such host\"\n",
    );
    assert_eq!(incident.cause, *"network/dns-no-such-host");
}

#[test]
fn lines_of_many_megabytes_keep_their_number_and_their_columns() {
    let error = "Error response from daemon: manifest for r.example/a:1 not found: manifest unknown: manifest unknown";
    let filler = "x".repeat(21 << 20);
    let log = format!("{filler} {error}\nfine\n{error}");
    for threads in [1, 2, 3] {
        let options = pullwhy_explain::Options {
            threads,
            ..Default::default()
        };
        let catalogue = support::catalogue();
        let report = pullwhy_explain::explain_text(catalogue, "-", log.as_bytes(), &options);
        assert_eq!(report.stats.lines, 3);
        let [incident] = &report.incidents[..] else {
            panic!("{:?}", causes(&report));
        };
        let lines: Vec<_> = incident.evidence.iter().map(|e| e.line).collect();
        assert_eq!(lines, [1, 3], "{threads} threads");
        let text = quoted(incident, &log);
        assert!(text.contains("manifest unknown"), "{text}");
    }
}

#[test]
fn a_progress_bar_of_thousands_of_states_does_not_hide_the_error_behind_it() {
    let error = "Error response from daemon: manifest for r.example/a:1 not found: manifest unknown: manifest unknown";
    for state in ["ab\r", "f1a2: Pulling fs layer\r"] {
        let incident = only(&format!("{}{error}\n", state.repeat(9000)));
        assert_eq!(incident.cause, *"reference/tag-not-found");
    }
}

#[test]
fn the_log_stream_names_the_machine_at_the_head_of_each_file() {
    let part = |machine: &str, image: &str| {
        format!(
            "/home/LogFiles/2022_05_26_{machine}_default_docker.log  (https://web.scm.azurewebsites.net/api/vfs/LogFiles/2022_05_26_{machine}_default_docker.log)\n\
             2022-05-26T08:00:00.123Z ERROR - DockerApiException: Docker API responded with status code=NotFound, response={{\"message\":\"manifest for contoso.azurecr.io/{image} not found: manifest unknown: manifest unknown\"}}\n"
        )
    };
    let first = part("RD0050F221F9BC", "a:1");
    let log = first.clone() + &part("lw1sdlwk0006YA", "b:1");
    let report = explained(&log);
    let machines: Vec<_> = report
        .incidents
        .iter()
        .map(|i| i.instance.as_deref())
        .collect();
    assert_eq!(machines, [Some("RD0050F221F9BC"), Some("lw1sdlwk0006YA")]);
    // Such a path within a message names no machine that the log is from.
    let within = format!("cannot open {first}");
    assert_eq!(explained(&within).incidents[0].instance, None);
}
