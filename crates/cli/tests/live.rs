//! `explain --check` and what `run` does by itself, against servers of the lab.

#[path = "support/stage.rs"]
mod stage;
mod support;

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use stage::stage;
use support::{json, pullwhy, text};

const SECRET: &str = "h1dden-w0rd";

/// A registry in plain HTTP that wants a login and knows none, and one that has the image.
const SERVERS: &str = r#"
title = "registries"
image = "{strict}/team/app:1"
[servers.strict]
[[servers.strict.answer]]
path = "/v2/*"
status = 401
headers = { WWW-Authenticate = 'Basic realm="registry"' }
body = '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'
[servers.open]
serves = "image"
[expect]
verdict = "not-pullable"
"#;

fn unauthorized(image: &str) -> String {
    let (registry, _) = image.split_once('/').expect("with a registry");
    format!(
        "2026-01-01T10:00:00Z Pulling image: {image}\n2026-01-01T10:00:01Z Error response from daemon: Head \"http://{registry}/v2/team/app/manifests/1\": unauthorized: authentication required\n"
    )
}

/// A home with a login for a registry.
fn home(registry: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let config =
        format!(r#"{{"auths":{{"{registry}":{{"username":"me","password":"{SECRET}"}}}}}}"#);
    std::fs::write(home.path().join("config.json"), config).expect("written");
    home
}

struct Said {
    status: i32,
    out: String,
    errors: String,
}

fn said(home: &Path, arguments: &[&str], input: &str) -> Said {
    let mut command = pullwhy();
    for name in [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "REGISTRY_AUTH_FILE",
        "XDG_RUNTIME_DIR",
        "XDG_CONFIG_HOME",
        "DOCKER_AUTH_CONFIG",
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
    ] {
        command.env_remove(name);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = vec![home.to_owned()];
    folders.extend(std::env::split_paths(&path));
    let output = command
        .env("HOME", home)
        .env("DOCKER_CONFIG", home)
        .env("PATH", std::env::join_paths(folders).expect("a path"))
        .args(arguments)
        .write_stdin(input)
        .output()
        .expect("runs");
    let said = Said {
        status: output.status.code().expect("ended by itself"),
        out: text(&output.stdout),
        errors: text(&output.stderr),
    };
    assert!(!said.out.contains(SECRET) && !said.errors.contains(SECRET));
    said
}

/// The incidents of `explain --check --format json` over a log on standard input.
fn checked(home: &Path, options: &[&str], log: &str) -> (Vec<Value>, String) {
    let mut arguments = vec!["explain", "-", "--check", "--format", "json"];
    arguments.extend(options);
    let said = said(home, &arguments, log);
    assert_eq!(said.status, 1, "{}", said.errors);
    let report = json(said.out.as_bytes());
    let incidents = report["incidents"].as_array().expect("incidents").clone();
    (incidents, said.errors)
}

fn verdict_of(incident: &Value, cause: &str) -> String {
    let all = incident["check"]["candidates"].as_array().expect("a list");
    let own = all.iter().find(|c| c["cause"] == cause);
    own.map_or("", |c| c["verdict"].as_str().expect("a word"))
        .to_owned()
}

#[test]
fn a_log_of_this_machine_comes_to_the_fault_that_is_there() {
    let stage = stage(SERVERS);
    let home = home(&stage.fill("{strict}"));
    let log = unauthorized(&stage.image);
    let (incidents, errors) = checked(home.path(), &["--same-machine"], &log);
    let incident = &incidents[0];
    assert_eq!(
        incident["cause"], "auth/credentials-invalid",
        "{incident:#}"
    );
    assert_eq!(incident["confidence"], "likely");
    let check = &incident["check"];
    assert_eq!(check["verdict"], "confirmed");
    assert_eq!(check["run"]["failed_hop"], "manifest");
    assert_eq!(
        verdict_of(incident, "auth/credentials-missing"),
        "ruled-out",
        "a login was sent: {check:#}"
    );
    assert_eq!(
        verdict_of(incident, "auth/credentials-expired"),
        "undecided"
    );
    let host = stage.fill("{strict}");
    assert!(errors.contains(&format!("asks {host}")), "{errors}");
    assert!(errors.contains(&format!("contacted {host}")), "{errors}");
}

#[test]
fn a_log_of_another_machine_does_not_make_this_one_ask_itself() {
    let stage = stage(SERVERS);
    let home = home(&stage.fill("{strict}"));
    let log = unauthorized(&stage.image);
    let (incidents, _) = checked(home.path(), &[], &log);
    assert_eq!(incidents[0]["cause"], "auth/unspecified");
    assert_eq!(incidents[0]["check"]["verdict"], "undecided");
    let why = incidents[0]["check"]["because"].as_str().expect("a text");
    assert!(why.contains("not contacted"), "{why}");
    assert!(why.contains("`--same-machine`"), "names the way: {why}");
    assert_eq!(stage.asked("strict").len(), 0);
}

#[test]
fn metadata_services_are_never_asked() {
    let home = home("169.254.169.254");
    for options in [&[][..], &["--same-machine"]] {
        let started = Instant::now();
        let log = unauthorized("169.254.169.254/team/app:1");
        let (incidents, errors) = checked(home.path(), options, &log);
        let why = incidents[0]["check"]["because"].as_str().expect("a text");
        assert!(why.contains("not contacted"), "{why}");
        assert!(!errors.contains("contacted 169"), "{errors}");
        assert!(errors.contains("169.254.169.254 is not asked"), "{errors}");
        assert!(started.elapsed() < Duration::from_secs(4));
    }
}

#[test]
fn a_redirect_does_not_lead_to_what_must_not_be_asked() {
    let stage = stage(
        r#"
title = "a registry that sends everybody to the metadata service"
image = "{registry}/team/app:1"
[servers.registry]
[[servers.registry.answer]]
path = "/v2/*"
status = 307
headers = { Location = "http://169.254.169.254/latest/meta-data/" }
[expect]
verdict = "not-pullable"
"#,
    );
    let home = home("elsewhere.example");
    let log = unauthorized(&stage.image);
    let (incidents, errors) = checked(home.path(), &["--same-machine"], &log);
    let check = &incidents[0]["check"];
    let why = check["because"].as_str().expect("a text");
    assert!(why.contains("contacted"), "{why}");
    assert_eq!(check["verdict"], "undecided", "{check:#}");
    assert!(!errors.contains("169.254"), "{errors}");
}

#[test]
fn a_credential_goes_only_to_the_registry_that_it_is_stored_for() {
    let stage = stage(SERVERS);
    let home = home("other.example");
    let log = unauthorized(&stage.image);
    let (incidents, _) = checked(home.path(), &["--same-machine"], &log);
    assert_eq!(incidents[0]["cause"], "auth/credentials-missing");
    let asked = stage.asked("strict");
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|r| r.field("authorization").is_none()));
}

#[test]
fn an_image_is_walked_once_and_only_so_many_are() {
    let stage = stage(SERVERS);
    let home = home(&stage.fill("{strict}"));
    let mut log = String::new();
    for day in 1..=3 {
        log.push_str(&format!(
            "2026-01-0{day}T10:00:00Z node-{day} kubelet: Failed to pull image \"{0}\": rpc error: code = Unknown desc = failed to pull and unpack image \"{0}\": failed to resolve reference \"{0}\": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed\n",
            stage.image
        ));
    }
    log.push_str(&unauthorized(&stage.image));
    let (incidents, _) = checked(home.path(), &["--same-machine"], &log);
    assert!(incidents.iter().all(|i| i["check"]["run"].is_object()));
    let pings = stage.asked("strict");
    let pings = pings.iter().filter(|r| r.target == "/v2/").count();
    assert!(pings <= 2, "pinged {pings} times: with and without a login");

    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.local_addr().expect("bound").port()
    };
    let many: String = (1..=11)
        .map(|n| format!("Failed to pull image \"127.0.0.1:{port}/team/app{n}:1\": rpc error: code = Unknown desc = failed to resolve reference \"127.0.0.1:{port}/team/app{n}:1\": unexpected status from HEAD request to https://127.0.0.1:{port}/v2/team/app{n}/manifests/1: 401 Unauthorized\n"))
        .collect();
    let (incidents, _) = checked(home.path(), &["--same-machine"], &many);
    assert_eq!(incidents.len(), 11);
    let left = incidents
        .iter()
        .filter(|i| i["check"]["verdict"] == "not-checked");
    assert_eq!(left.count(), 3);
}

#[test]
fn a_log_without_an_image_is_checked_as_far_as_its_registry() {
    let stage = stage(SERVERS);
    let home = home(&stage.fill("{strict}"));
    let registry = stage.fill("{open}");
    let timeout = format!(
        "Error response from daemon: Get \"http://{registry}/v2/\": net/http: request canceled (Client.Timeout exceeded while awaiting headers)\n"
    );
    let (incidents, _) = checked(home.path(), &["--same-machine"], &timeout);
    let check = &incidents[0]["check"];
    assert_eq!(incidents[0]["image"]["repository"], Value::Null);
    let hops = check["run"]["hops"].as_array().expect("hops");
    assert_eq!(hops.last().expect("a hop")["hop"], "ping", "{check:#}");
    assert_eq!(
        verdict_of(&incidents[0], "network/connect-timeout"),
        "not-reproducible"
    );
    assert_eq!(
        verdict_of(&incidents[0], "network/response-timeout"),
        "undecided",
        "later hops were not looked at: {check:#}"
    );
    assert_eq!(stage.asked("open").len(), 1);
}

#[test]
fn all_walks_end_when_their_time_is_over() {
    let stage = stage(
        r#"
title = "a registry that is silent"
image = "{registry}/team/app:1"
[servers.registry]
[[servers.registry.answer]]
path = "/v2/"
delay_ms = 20000
[expect]
verdict = "not-pullable"
"#,
    );
    let home = home("other.example");
    let started = Instant::now();
    let options = ["--same-machine", "--timeout", "15", "--check-time", "0.5"];
    let (incidents, _) = checked(home.path(), &options, &unauthorized(&stage.image));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(incidents[0]["check"]["verdict"], "not-checked");
    assert_eq!(incidents[0]["cause"], "auth/unspecified");
}

#[test]
fn what_is_there_now_is_not_reproducible_and_the_log_stays_right() {
    let stage = stage(SERVERS);
    let home = home("other.example");
    let registry = stage.fill("{open}");
    let missing = format!(
        "2026-01-01T10:00:00Z Error response from daemon: manifest for {registry}/team/app:1 not found: manifest unknown: manifest unknown\n"
    );
    let (incidents, _) = checked(home.path(), &["--same-machine"], &missing);
    let incident = &incidents[0];
    assert_eq!(incident["cause"], "reference/tag-not-found");
    assert_eq!(incident["confidence"], "certain", "the log proves it");
    assert_eq!(incident["check"]["verdict"], "not-reproducible");
    let why = incident["check"]["candidates"][0]["because"]
        .as_str()
        .expect("a text");
    assert!(why.contains("days after the failure"), "{why}");
    assert!(incident["ruled_out"].is_null(), "{incident:#}");
}

#[test]
fn another_failure_than_the_logs_stands_on_top_with_what_to_act_on() {
    let stage = stage(SERVERS);
    let home = home(&stage.fill("{strict}"));
    let registry = stage.fill("{strict}");
    let missing = format!(
        "Error response from daemon: manifest for {registry}/team/app:1 not found: manifest unknown: manifest unknown\n"
    );
    let (incidents, _) = checked(home.path(), &["--same-machine"], &missing);
    let incident = &incidents[0];
    assert_eq!(incident["cause"], "reference/tag-not-found");
    assert_eq!(incident["check"]["verdict"], "other-failure");
    let now = &incident["check"]["now"];
    assert_eq!(now["cause"], "auth/credentials-invalid", "{now:#}");
    assert_eq!(now["act_on"], "check");
    let fix = now["fixes"][0]["title"].as_str().expect("a title");
    let said = said(
        home.path(),
        &["explain", "-", "--check", "--same-machine"],
        &missing,
    );
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines[0].starts_with("error now[auth/credentials-invalid]: "));
    let log = lines
        .iter()
        .position(|l| l.starts_with("error in the log[reference/tag-not-found]: "));
    let act = lines
        .iter()
        .position(|l| l.contains("act first on what fails now"));
    let proof = lines.iter().position(|l| l.contains("--> "));
    assert!(log < act && act < proof && log.is_some(), "{}", said.out);
    let first = lines
        .iter()
        .find(|l| l.contains("= first: "))
        .expect("first");
    assert!(first.contains(fix), "{first}: {fix}");
}

#[test]
fn a_pull_secret_is_not_on_the_machine() {
    let stage = stage(SERVERS);
    let registry = stage.fill("{strict}");
    let home = home("other.example");
    let log = format!(
        "2026-01-01T10:00:00Z node-1 kubelet: Failed to pull image \"{0}\": rpc error: code = Unknown desc = failed to pull and unpack image \"{0}\": failed to resolve reference \"{0}\": unexpected status from HEAD request to http://{registry}/v2/team/app/manifests/1: 401 Unauthorized\n",
        stage.image
    );
    let (incidents, _) = checked(home.path(), &["--same-machine"], &log);
    let check = &incidents[0]["check"];
    assert_eq!(incidents[0]["cause"], "auth/unspecified");
    assert_eq!(check["verdict"], "undecided", "{check:#}");
    let why = check["because"].as_str().expect("a text");
    assert!(why.contains("`--authfile FILE`"), "{why}");
    let secret = home.path().join("secret.json");
    let entry =
        format!(r#"{{"auths":{{"{registry}":{{"username":"me","password":"{SECRET}"}}}}}}"#);
    std::fs::write(&secret, entry).expect("written");
    let secret = secret.display().to_string();
    let options = ["--same-machine", "--authfile", &secret];
    let (incidents, _) = checked(home.path(), &options, &log);
    assert_eq!(incidents[0]["cause"], "auth/credentials-invalid");
    assert_eq!(incidents[0]["check"]["verdict"], "confirmed");
}

#[test]
fn commands_fit_an_address_in_plain_http() {
    let stage = stage(SERVERS);
    let home = home("other.example");
    let registry = stage.fill("{open}");
    let log = format!(
        "Error response from daemon: Get \"http://{registry}/v2/\": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)\n"
    );
    let said = said(home.path(), &["explain", "-", "-v"], &log);
    assert!(
        said.out.contains(&format!("http://{registry}/")),
        "{}",
        said.out
    );
    for wrong in [
        format!("https://{registry}"),
        "https://127.0.0.1".to_owned(),
        "nslookup 127".to_owned(),
    ] {
        assert!(!said.out.contains(&wrong), "{wrong}:\n{}", said.out);
    }
    let open = ["network/dns-failure", "network/dns-no-such-host"];
    assert!(open.iter().all(|id| !said.out.contains(id)), "{}", said.out);
}

#[test]
fn every_format_tells_what_the_check_says_and_redaction_reaches_it() {
    let stage = stage(SERVERS);
    let home = home(&stage.fill("{strict}"));
    let log = unauthorized(&stage.image).replace("team/app", "secretteam/app");
    let formats = [
        "human", "json", "ndjson", "markdown", "html", "github", "sarif",
    ];
    for format in formats {
        for redact in [false, true] {
            let mut arguments = vec!["explain", "-", "--check", "--same-machine", "-v"];
            arguments.extend(["--format", format]);
            arguments.extend(redact.then_some("--redact"));
            let said = said(home.path(), &arguments, &log);
            assert_eq!(said.status, 1, "{format}");
            let told = said.out.to_lowercase();
            assert!(told.contains("confirmed"), "{format}:\n{}", said.out);
            if redact {
                assert!(!told.contains("secretteam"), "{format}:\n{}", said.out);
            }
            if ["sarif", "github"].contains(&format) {
                assert!(!told.contains("\"uri\": \"check\""), "no such file");
                assert!(!told.contains("file=check"), "no such file");
            }
        }
    }
}

#[test]
fn without_the_option_nothing_is_contacted() {
    let stage = stage(SERVERS);
    let home = home(&stage.fill("{strict}"));
    let arguments = ["explain", "-", "--format", "json"];
    let said = said(home.path(), &arguments, &unauthorized(&stage.image));
    let report = json(said.out.as_bytes());
    assert!(report["incidents"][0]["check"].is_null());
    assert_eq!(stage.asked("strict").len(), 0);
    let wrong = ["explain", "-", "--same-machine"];
    let said = self::said(home.path(), &wrong, "");
    assert_eq!(said.status, 2, "an option of `--check` alone is a mistake");
}

#[cfg(unix)]
#[test]
fn run_checks_by_itself_and_changes_neither_output_nor_status() {
    use std::os::unix::fs::PermissionsExt;
    let stage = stage(SERVERS);
    let home = home(&stage.fill("{strict}"));
    let docker = home.path().join("docker");
    let error = unauthorized(&stage.image);
    let script = format!("#!/bin/sh\necho to-out\ncat >&2 <<'END'\n{error}END\nexit 7\n");
    std::fs::write(&docker, script).expect("written");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&docker, mode).expect("made a program");
    let off = ["run", "--no-check", "--", "docker", "pull", &stage.image];
    let said = said(home.path(), &off, "");
    assert_eq!((said.status, said.out.as_str()), (7, "to-out\n"));
    assert!(said.errors.starts_with(&error), "{}", said.errors);
    assert!(said.errors.contains("error[auth/unspecified]"));
    assert_eq!(stage.asked("strict").len(), 0, "nobody is asked");
    let on = ["run", "--", "docker", "pull", &stage.image];
    let said = self::said(home.path(), &on, "");
    assert_eq!((said.status, said.out.as_str()), (7, "to-out\n"));
    assert!(said.errors.starts_with(&error), "{}", said.errors);
    assert!(
        said.errors.contains("error[auth/credentials-invalid]"),
        "{}",
        said.errors
    );
    // Whatever starts the client: it is looked for behind that.
    let pull = format!("cd / && docker pull {}", stage.image);
    let deploy = home.path().join("deploy");
    std::fs::write(&deploy, format!("#!/bin/sh\n{pull}\n")).expect("written");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&deploy, mode).expect("made a program");
    let invalid = "error[auth/credentials-invalid]";
    let as_docker = "checked from this machine, as Docker would pull";
    for (command, wanted) in [
        (
            vec!["env", "A=b", "docker", "pull", &stage.image],
            [invalid, as_docker],
        ),
        (vec!["sh", "-c", &pull], [invalid, as_docker]),
        // As whom is not known: what was refused here proves nothing.
        (
            vec!["deploy"],
            [
                "error[auth/unspecified]",
                "where `deploy` ran, as Docker would pull",
            ],
        ),
    ] {
        let arguments = [vec!["run", "--"], command].concat();
        let said = self::said(home.path(), &arguments, "");
        assert_eq!(said.status, 7, "{arguments:?} {}", said.errors);
        let words: Vec<&str> = said.errors.split_whitespace().collect();
        let errors = words.join(" ").replace(" | ", " ");
        for wanted in wanted {
            assert!(
                errors.contains(wanted),
                "{arguments:?} {wanted}: {}",
                said.errors
            );
        }
    }
}
