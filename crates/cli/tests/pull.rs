//! `check --pull` from the command line, against servers of the lab.

#[path = "support/stage.rs"]
mod stage;
mod support;

use std::path::Path;

use stage::stage;
use support::{json, pullwhy, text};

const IMAGE: &str = r#"
title = "an image"
image = "{registry}/team/app:1"
[[made.layer]]
[[made.layer.member]]
name = "etc/app.conf"
bytes = 3000
[[made.layer]]
compression = "zstd"
[[made.layer.member]]
name = "app/package.json"
bytes = 10
uid = 1000000
[servers.registry]
serves = "image"
[expect]
verdict = "pullable"
"#;

fn checked(arguments: &[&str]) -> (i32, Vec<u8>, String) {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = pullwhy();
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
        command.env_remove(name);
    }
    let output = command
        .env("HOME", home.path())
        .env("DOCKER_CONFIG", home.path())
        .env_remove("REGISTRY_AUTH_FILE")
        .env_remove("XDG_RUNTIME_DIR")
        .arg("check")
        .args(arguments)
        .output()
        .expect("runs");
    let status = output.status.code().expect("ended by itself");
    (status, output.stdout, text(&output.stderr))
}

#[test]
fn a_file_that_the_host_cannot_map_is_found_before_the_deployment() {
    let stage = stage(IMAGE);
    let range = ["--pull", "--userns-remap", "100000:65536", &stage.image];
    let (status, out, errors) = checked(&range);
    assert_eq!((status, errors.as_str()), (1, ""), "no bars in a pipe");
    let told = text(&out);
    for wanted in ["1000000", "app/package.json", "host/userns-unmapped-id"] {
        assert!(told.contains(wanted), "{wanted} is not in:\n{told}");
    }
    let (status, out, _) = checked(&["--format", "markdown", &stage.image]);
    let told = text(&out);
    assert_eq!(status, 0, "{told}");
    let ends = told.trim_end().ends_with("A pull from here would work.");
    assert!(ends && !told.contains("0 lines"), "{told}");
    let (status, out, _) = checked(&["--pull", "--format", "json", &stage.image]);
    assert_eq!(status, 0, "without a range it is a warning");
    let report = json(&out);
    let hops = report["hops"].as_array().expect("hops");
    let of = |hop: &str| hops.iter().filter(|h| h["hop"] == hop).collect::<Vec<_>>();
    let (layers, unpack) = (of("layer"), of("unpack"));
    assert_eq!((layers.len(), unpack.len()), (2, 2));
    assert_eq!(layers[0]["facts"]["attempts"], 1);
    assert_eq!(layers[0]["facts"]["bytes"], layers[0]["facts"]["size"]);
    assert_eq!(unpack[0]["facts"]["compression"], "gzip");
    assert_eq!(unpack[1]["facts"]["compression"], "zstd");
    assert_eq!(unpack[1]["facts"]["max_uid"], 1_000_000);
    assert_eq!(unpack[1]["status"], "warning");
}

#[test]
fn an_image_is_kept_in_its_folder_and_nowhere_else() {
    let stage = stage(IMAGE);
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("kept");
    let wanted = format!("oci:{}", place.display());
    for _ in 0..2 {
        let (status, _, errors) = checked(&["--pull", "--output", &wanted, &stage.image]);
        assert_eq!((status, errors.as_str()), (0, ""));
    }
    let count = |path: &Path| std::fs::read_dir(path).expect("a folder").count();
    assert_eq!(count(folder.path()), 1);
    assert_eq!(count(&place), 3, "blobs, index.json, oci-layout");
    assert_eq!(count(&place.join("blobs/sha256")), 4);
    let index = json(&std::fs::read(place.join("index.json")).expect("an index"));
    assert_eq!(index["manifests"].as_array().map(Vec::len), Some(1));
    let name = &index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"];
    assert_eq!(name, "1");
}

#[test]
fn wrong_options_of_pull_are_usage_errors_that_say_what_would_be_right() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("mine"), "precious").expect("written");
    let full = format!("oci:{}", folder.path().display());
    for (option, value, help) in [
        ("--userns-remap", "65536", "100000:65536"),
        ("--userns-remap", "4294967295:65536", "100000:65536"),
        ("--output", "dir:x", "oci:DIR"),
        ("--output", "oci:app:1", "oci:app:"),
        ("--output", &full, "an empty one"),
        ("--pull-timeout", "0", "0.05"),
    ] {
        let (status, _, errors) = checked(&["--pull", option, value, "r.example/a"]);
        assert_eq!(status, 2, "{option} {value}");
        assert!(errors.contains(help), "{option} {value}: {errors}");
    }
    let (status, _, errors) = checked(&["--userns-remap", "0:65536", "r.example/a"]);
    assert_eq!(status, 2);
    assert!(errors.contains("--pull"), "{errors}");
}
