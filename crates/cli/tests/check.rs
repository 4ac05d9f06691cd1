//! `check` from the command line. What its hops see is tested with faulty servers, not here.

#[path = "support/stage.rs"]
mod stage;
mod support;

use std::net::TcpListener;
use std::path::Path;

use stage::stage;
use support::{json, pullwhy, text};

/// A port of this machine on which nobody listens.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("bound").port()
}

/// Status, report and standard error of a check that sees no settings of a developer.
fn checked(arguments: &[&str]) -> (i32, serde_json::Value, String) {
    let home = tempfile::tempdir().expect("a folder");
    let (status, out, errors) = checked_in(home.path(), &[], arguments);
    let report = if out.is_empty() {
        serde_json::Value::Null
    } else {
        json(out.as_bytes())
    };
    (status, report, errors)
}

/// The same with a home, variables that name places below it, and all that was printed as text.
fn checked_in(
    home: &Path,
    variables: &[(&str, &str)],
    arguments: &[&str],
) -> (i32, String, String) {
    let mut command = pullwhy();
    for name in [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "DOCKER_AUTH_CONFIG",
        "REGISTRY_AUTH_FILE",
        "XDG_RUNTIME_DIR",
        "XDG_CONFIG_HOME",
        "DOCKER_CONFIG",
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "CONTAINERD_ADDRESS",
    ] {
        command.env_remove(name);
    }
    for (name, place) in variables {
        command.env(name, home.join(place));
    }
    let output = command
        .env("HOME", home)
        .args(["check", "--format", "json"])
        .args(arguments)
        .output()
        .expect("runs");
    let status = output.status.code().expect("ended by itself");
    (status, text(&output.stdout), text(&output.stderr))
}

/// Writes a file below a folder.
fn place(home: &Path, path: &str, content: &str) {
    let path = home.join(path);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, content).expect("written");
}

/// A credentials file with one login, whose user tells where it is from.
fn login(key: &str, user: &str) -> String {
    format!(r#"{{"auths":{{"{key}":{{"username":"{user}","password":"h1dden-w0rd"}}}}}}"#)
}

fn credentials(report: &str) -> serde_json::Value {
    let report = json(report.as_bytes());
    let hops = report["hops"].as_array().expect("hops");
    let row = hops.iter().find(|h| h["hop"] == "credentials");
    row.expect("a row").clone()
}

#[test]
fn every_engine_finds_its_own_login_and_none_shows_it() {
    let registry = format!("127.0.0.1:{}", closed_port());
    let image = format!("{registry}/shop/web:1.5");
    let home = tempfile::tempdir().expect("a folder");
    let auth = r#"{"auths":{"KEY":{"auth":"cG9kbWFuOmgxZGRlbi13MHJk"}}}"#;
    place(
        home.path(),
        ".docker/config.json",
        &login(&registry, "docker"),
    );
    place(
        home.path(),
        "run/containers/auth.json",
        &auth.replace("KEY", &format!("{registry}/shop")),
    );
    place(home.path(), "named.json", &login(&registry, "named"));
    let secret = format!(
        "kind: Secret\nmetadata:\n  name: regcred\ntype: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: |\n    {}\n",
        login("*.0.0.1:PORT", "secret").replace("PORT", registry.rsplit(':').next().expect("port"))
    );
    place(home.path(), "secret.yaml", &secret);
    let run: &[(&str, &str)] = &[("XDG_RUNTIME_DIR", "run")];
    let named: &[(&str, &str)] = &[
        ("XDG_RUNTIME_DIR", "run"),
        ("REGISTRY_AUTH_FILE", "named.json"),
    ];
    let given = home.path().join("secret.yaml").display().to_string();
    for (variables, arguments, user) in [
        (run, &[][..], Some("podman")),
        (named, &[], Some("named")),
        (run, &["--as", "docker"], Some("docker")),
        (run, &["--as", "podman"], Some("podman")),
        (run, &["--as", "containerd"], None),
        (
            run,
            &["--as", "kubelet", "--authfile", given.as_str()],
            Some("secret"),
        ),
        (run, &["--authfile", given.as_str()], Some("secret")),
        (run, &["--creds", "me:h1dden-w0rd"], Some("me")),
    ] {
        let all = [arguments, &[image.as_str()]].concat();
        let (status, report, errors) = checked_in(home.path(), variables, &all);
        assert_eq!((status, errors.as_str()), (1, ""), "{arguments:?}");
        let row = credentials(&report);
        assert_eq!(row["facts"]["user"].as_str(), user, "{arguments:?}: {row}");
        for hidden in ["h1dden", "cG9kbWFu", "aDFkZGVu"] {
            assert!(!report.contains(hidden), "{arguments:?}");
        }
    }
    let (_, report, _) = checked_in(home.path(), run, &["--as", "docker", &image]);
    let passed = credentials(&report)["facts"]["passed_over"].to_string();
    assert!(
        passed.contains("auth.json: Docker does not read it"),
        "{passed}"
    );
}

#[test]
fn a_redacted_check_names_nobody() {
    let home = tempfile::tempdir().expect("a folder");
    let auth = r#"{"auths":{"reg.corp.test:5000/ledger":{"auth":"Y2Fyb2w6cHc="},"reg.corp.test":{"auth":"Y2Fyb2w6cHc="},"reg.corp.test:5000":{"auth":"Y2Fyb2w6cHc="}}}"#;
    place(home.path(), ".docker/config.json", auth);
    for format in ["human", "json", "markdown"] {
        let output = pullwhy()
            .env("HOME", home.path())
            .env_remove("REGISTRY_AUTH_FILE")
            .env_remove("XDG_RUNTIME_DIR")
            .env_remove("DOCKER_CONFIG")
            .args(["check", "--redact", "--timeout", "0.3", "--format", format])
            .args(["--resolve", "reg.corp.test:5000:127.0.0.1"])
            .arg("reg.corp.test:5000/payroll/web:1")
            .output()
            .expect("runs");
        let shown = text(&output.stdout);
        assert!(shown.contains("credentials"), "{format}: {shown}");
        for name in ["corp.test", "ledger", "payroll", "carol"] {
            assert!(!shown.contains(name), "{format} shows {name}: {shown}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_login_in_a_variable_is_dockers_and_comes_first() {
    let registry = format!("127.0.0.1:{}", closed_port());
    let home = tempfile::tempdir().expect("a folder");
    place(
        home.path(),
        ".docker/config.json",
        &login(&registry, "docker"),
    );
    let check = |client: &str, variable: String| {
        let script = format!("#!/bin/sh\necho 'Docker version {client}, build 1'\n");
        place(home.path(), "bin/docker", &script);
        let program = home.path().join("bin/docker");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(program, mode).expect("a program");
        let output = pullwhy()
            .env_remove("REGISTRY_AUTH_FILE")
            .env("HOME", home.path())
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", home.path().join("bin").display()),
            )
            .env("DOCKER_AUTH_CONFIG", variable)
            .args(["check", "--as", "docker", "--format", "json"])
            .arg(format!("{registry}/shop/web:1.5"))
            .output()
            .expect("runs");
        text(&output.stdout)
    };
    // Of `variable:h1dden`.
    let good = "dmFyaWFibGU6aDFkZGVu";
    let of = |more: &str| format!(r#"{{"auths":{{"{registry}":{{"auth":"{good}"{more}}}}}}}"#);
    let said = check("28.3.0", of(""));
    let row = credentials(&said);
    assert_eq!(row["target"], "DOCKER_AUTH_CONFIG");
    assert_eq!(row["facts"]["user"], "variable");
    assert!(!said.contains("h1dden") && !said.contains(good));
    // One key too many, and Docker takes nothing of it.
    let said = check("29.0.0", of(r#","email":"a""#));
    let row = credentials(&said);
    assert_eq!(row["target"], "DOCKER_AUTH_CONFIG");
    assert_eq!(row["saw"], "malformed");
    assert!(said.contains(r#""user": "docker""#), "{said}");
    assert!(!said.contains("h1dden") && !said.contains(good));
    // Earlier clients do not read it.
    let said = check("28.2.2", of(""));
    let row = credentials(&said);
    assert_eq!(row["facts"]["user"], "docker", "{said}");
}

#[test]
fn a_name_that_the_engine_reads_otherwise_is_told() {
    // A system on which no engine is configured.
    let root = tempfile::tempdir().expect("a folder");
    let root = root.path().to_str().expect("UTF-8");
    for (engine, image, says) in [
        (
            "containerd",
            "127.0.0.1:1/app",
            "`ctr` of containerd refuses it",
        ),
        ("podman", "app:1", "Podman refuses the short name"),
        ("kubelet", "app:1", "below the kubelet, CRI-O searches"),
    ] {
        let given = [
            "--timeout",
            "0.2",
            "--dns",
            "127.0.0.1:1",
            "--root",
            root,
            "--as",
            engine,
            image,
        ];
        let (_, report, _) = checked(&given);
        let summary = report["hops"][0]["summary"].to_string();
        assert!(summary.contains(says), "{engine}: {summary}");
    }
    let (_, report, _) = checked(&["--timeout", "0.2", "--dns", "127.0.0.1:1", "app:1"]);
    assert_eq!(report["hops"][0]["status"], "ok");
}

#[test]
fn a_closed_port_is_named_as_the_hop_that_breaks() {
    let image = format!("127.0.0.1:{}/shop/web:1.5", closed_port());
    let (status, report, errors) = checked(&[&image]);
    assert_eq!((status, errors.as_str()), (1, ""));
    assert_eq!(report["schema"], "pullwhy.check/1");
    assert_eq!(report["verdict"], "not-pullable");
    assert_eq!(report["failed_hop"], "tcp");
    assert_eq!(report["incident"]["cause"], "network/connection-refused");
    let hops = report["hops"].as_array().expect("hops");
    assert!(
        hops.iter()
            .any(|h| h["hop"] == "manifest" && h["status"] == "skipped")
    );
}

#[test]
fn a_recorded_check_gives_the_same_diagnosis_offline() {
    let image = format!("127.0.0.1:{}/shop/web:1.5", closed_port());
    let (_, report, _) = checked(&[&image]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&report).expect("JSON")).expect("written");
    let again = pullwhy()
        .args(["check", "--compare"])
        .args([path.as_os_str(), image.as_ref()])
        .output()
        .expect("runs");
    let shown = text(&again.stdout);
    assert!(shown.contains("no difference to the other walk"), "{shown}");
    let packed = folder.path().join("run.json.gz");
    let file = std::fs::File::create(&packed).expect("created");
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    let text = std::fs::read(&path).expect("readable");
    std::io::Write::write_all(&mut gzip, &text).expect("written");
    gzip.finish().expect("written");
    let replays = [
        pullwhy()
            .args(["explain", "--format", "json"])
            .arg(&path)
            .output(),
        pullwhy()
            .args(["explain", "--format", "json"])
            .arg(&packed)
            .output(),
        pullwhy()
            .args(["explain", "--format", "json", "-"])
            .write_stdin(text.clone())
            .output(),
        pullwhy()
            .args(["explain", "--format", "ndjson", "-"])
            .write_stdin(text.clone())
            .output(),
    ];
    for output in replays {
        let replayed = json(&output.expect("runs").stdout);
        let incident = replayed.get("incidents").map_or(&replayed, |all| &all[0]);
        assert_eq!(incident["cause"], report["incident"]["cause"]);
        assert_eq!(incident["fixes"], report["incident"]["fixes"]);
    }
}

#[test]
fn a_malformed_image_is_a_failed_hop_and_no_usage_error() {
    for image in ["--", "Registry.Example/App:1", "r.example/a b"] {
        let (status, report, _) = checked(&["--", image]);
        assert_eq!(status, 1, "{image}");
        assert_eq!(report["failed_hop"], "reference", "{image}");
        assert_eq!(
            report["incident"]["cause"], "reference/invalid-format",
            "{image}"
        );
    }
}

#[test]
fn wrong_options_are_usage_errors_that_say_what_would_be_right() {
    for (option, value, help) in [
        ("--platform", "linux/", "linux/amd64"),
        ("--creds", "nocolon", "USER:PASSWORD"),
        ("--resolve", "a:b:c", "HOST:PORT:ADDRESS"),
        ("--dns", "somewhere", "10.0.0.2"),
        ("--timeout", "0", "0.05"),
        ("--as", "rkt", "docker, containerd, podman, kubelet"),
    ] {
        let (status, _, errors) = checked(&[option, value, "r.example/a"]);
        assert_eq!(status, 2, "{option}");
        assert!(errors.contains(help), "{option}: {errors}");
    }
}

#[test]
fn a_folder_of_certificates_that_is_not_there_is_said() {
    let (status, report, errors) = checked(&["--certs-dir", "/nowhere/certs.d", "localhost:1/a"]);
    assert_eq!(status, 2);
    assert!(report.is_null());
    assert!(
        errors.contains("`--certs-dir /nowhere/certs.d`: there is no such folder"),
        "{errors}"
    );
}

#[test]
fn another_root_is_read_and_set_beside_the_shell() {
    let home = tempfile::tempdir().expect("a folder");
    let root = home.path().join("node");
    let port = closed_port();
    let put = |name: &str, text: &str| {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().expect("below")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    put(
        "etc/docker/daemon.json",
        &format!("{{\n\"registry-mirrors\": [\"http://127.0.0.1:{port}\"]}}"),
    );
    put(
        "etc/systemd/system/docker.service",
        "[Service]\nExecStart=/usr/sbin/dockerd\nEnvironment=HTTP_PROXY=http://me:hidden@127.0.0.1:9\n",
    );
    put("etc/hosts", "127.0.0.1 registry-1.docker.io\n");
    let folder = root.to_str().expect("UTF-8").to_owned();
    let arguments = [
        "--as",
        "docker",
        "--root",
        &folder,
        "--diff",
        "--timeout",
        "1",
        "team/app:1",
    ];
    let (status, out, errors) = checked_in(home.path(), &[], &arguments);
    assert_eq!(status, 1, "{out}{errors}");
    let report = json(out.as_bytes());
    let view = report["view"].as_array().expect("a list");
    let of = |what: &str| {
        view.iter()
            .find(|d| d["what"] == what)
            .map(|d| d["engine"].to_string())
    };
    let mirrors = of("mirrors").expect("mirrors differ");
    assert!(mirrors.contains("daemon.json:2"), "{mirrors}");
    let proxy = of("HTTP_PROXY").expect("the proxies differ");
    assert!(proxy.contains("docker.service:3"), "{proxy}");
    assert!(!out.contains("hidden"), "{out}");
    let hops = report["hops"].as_array().expect("hops");
    let passed = hops
        .iter()
        .find(|h| h["facts"]["passed_endpoint"].is_string());
    assert_eq!(passed.expect("the mirror is gone")["status"], "warning");

    let output = pullwhy()
        .args([
            "check",
            "--as",
            "docker",
            "--root",
            &folder,
            "--diff",
            "--timeout",
            "1",
        ])
        .args(["team/app:1"])
        .output()
        .expect("runs");
    let shown = text(&output.stdout);
    assert!(
        shown.contains("where the engine and this shell differ"),
        "{shown}"
    );

    // The shell's login is in its own home, and none in that of the root.
    let login = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"}}}"#;
    let own = home.path().join(".docker/config.json");
    std::fs::create_dir_all(own.parent().expect("a folder")).expect("a folder");
    std::fs::write(&own, login).expect("a file");
    let (_, out, _) = checked_in(home.path(), &[], &arguments);
    let report = json(out.as_bytes());
    let mut view = report["view"].as_array().expect("a list").iter();
    let login = view
        .find(|d| d["what"] == "credentials")
        .expect("they differ");
    let shown = login["shell"].as_str().expect("text");
    assert!(shown.contains(&own.display().to_string()), "{login}");
    assert_eq!(login["engine"], "none", "{login}");
    std::fs::remove_file(own).expect("removed");

    let (status, _, errors) = checked_in(home.path(), &[], &["--start-limit", "0", "app"]);
    assert!(status == 2 && errors.contains("--start-limit"), "{errors}");
    let (status, _, errors) = checked_in(home.path(), &[], &["--diff", "team/app:1"]);
    assert!(status == 2 && errors.contains("--as"), "{errors}");
    let (status, _, errors) = checked_in(
        home.path(),
        &[],
        &["--as", "docker", "--root", "/nowhere/at/all", "a"],
    );
    assert!(status == 2 && errors.contains("no such folder"), "{errors}");
}

#[test]
fn a_record_that_cannot_be_read_is_told_before_anything_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("bound").port();
    let image = format!("127.0.0.1:{port}/team/app:1");
    let (status, _, errors) = checked(&["--compare", "/does/not/exist.json", &image]);
    assert_eq!(status, 2);
    assert!(errors.contains("cannot be read"), "{errors}");
    listener.set_nonblocking(true).expect("a listener");
    assert!(listener.accept().is_err(), "the registry was asked");
}

#[test]
fn an_address_of_the_other_family_is_not_used() {
    let image = format!("127.0.0.1:{}/team/app:1", closed_port());
    let (status, report, _) = checked(&["-6", &image]);
    assert_eq!(status, 1);
    assert_eq!(report["failed_hop"], "tcp");
    let rows = report["hops"].as_array().expect("hops");
    let told = rows.iter().any(|row| {
        let summary = row["summary"].as_str().unwrap_or_default();
        summary.contains("no address of the asked family")
    });
    assert!(told, "{report:#}");
}

#[test]
fn a_hop_is_no_line_of_a_file() {
    let image = format!("127.0.0.1:{}/team/app:1", closed_port());
    let shown = |format: &str| {
        let output = pullwhy()
            .args(["check", "--format", format, &image])
            .env("HOME", "/does/not/exist")
            .output()
            .expect("runs");
        text(&output.stdout)
    };
    let human = shown("human");
    assert!(human.contains("what the check shows"), "{human}");
    assert!(human.contains("--> check, row "), "{human}");
    let sarif = json(shown("sarif").as_bytes());
    let place = &sarif["runs"][0]["results"][0]["locations"][0];
    let name = &place["logicalLocations"][0]["fullyQualifiedName"];
    assert!(
        name.as_str()
            .is_some_and(|n| n.starts_with("check/") && n.ends_with("/tcp"))
    );
    assert!(place["physicalLocation"].is_null());
    let github = shown("github");
    assert!(!github.contains("file="), "{github}");
}

#[test]
fn a_fault_of_one_walk_among_several_is_one_of_now_and_then() {
    const PASSING: &str = r#"
title = "the registry is busy at first"
image = "{registry}/team/app:1"
[servers.registry]
serves = "image"
# HEAD and GET of the first walk.
[[servers.registry.answer]]
path = "/v2/team/app/manifests/*"
status = 503
times = 2
[expect]
verdict = "pullable"
"#;
    let stage = stage(PASSING);
    let output = pullwhy()
        .args(["check", "--repeat", "2", &stage.image])
        .env("HOME", "/does/not/exist")
        .output()
        .expect("runs");
    let shown = text(&output.stdout);
    assert!(
        shown.contains("a pull from here fails now and then"),
        "{shown}"
    );
}

#[test]
fn a_reader_that_has_gone_away_does_not_change_the_verdict() {
    let image = format!("127.0.0.1:{}/team/app:1", closed_port());
    for (arguments, wanted) in [
        (&["check", image.as_str()][..], 1),
        (&["check", "-q", &image], 1),
        (&["check", "--format", "json", &image], 1),
        (&["host", "--no-logs", "--root", "tests/support"], 0),
    ] {
        // The pipe is closed before the first word.
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let home = tempfile::tempdir().expect("a folder");
        let output = support::running()
            .args(arguments)
            .env("HOME", home.path())
            .stdin(std::process::Stdio::null())
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("runs")
            .wait_with_output()
            .expect("ends");
        let errors = text(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(wanted),
            "{arguments:?}: {errors}"
        );
        assert!(!errors.contains("pipe"), "{errors}");
    }
}

#[test]
fn a_file_of_credentials_that_is_not_there_says_nothing_of_the_pull() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing.json");
    for path in [missing.as_path(), folder.path()] {
        let path = path.to_str().expect("UTF-8");
        let (status, report, errors) = checked(&["--authfile", path, "registry.example/a:1"]);
        assert_eq!(status, 2);
        assert!(report.is_null(), "{report}");
        assert!(errors.contains("could not read `--authfile"), "{errors}");
    }
}
