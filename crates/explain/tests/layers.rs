//! Dependencies between crates point one way, as ARCHITECTURE.md says.

use std::process::Command;

/// From the nouns up: a crate may use only those before it.
const ORDER: [&str; 14] = [
    "pullwhy-literals",
    "pullwhy-model",
    "pullwhy-reference",
    "pullwhy-credentials",
    "pullwhy-catalogue",
    "pullwhy-ingest",
    "pullwhy-diagnose",
    "pullwhy-explain",
    "pullwhy-probe",
    "pullwhy-lab",
    "pullwhy-platform",
    "pullwhy-report",
    "pullwhy",
    "xtask",
];

#[test]
fn dependencies_point_one_way() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rank = |name: &str| ORDER.iter().position(|n| *n == name);
    let mut checked = 0;
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("name");
        let own = rank(name).unwrap_or_else(|| {
            panic!("`{name}` has no place in ARCHITECTURE.md's table and in this list")
        });
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let used = dependency["name"].as_str().expect("name");
            // A crate's own tests may ask it for more features.
            if used == name {
                continue;
            }
            if let Some(used_rank) = rank(used) {
                assert!(
                    used_rank < own,
                    "`{name}` uses `{used}`, which stands above it"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 10, "only {checked} dependencies were seen");
    let ingest_knows_causes = metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .any(|p| {
            p["name"] == "pullwhy-ingest"
                && p["dependencies"]
                    .as_array()
                    .expect("list")
                    .iter()
                    .any(|d| d["name"] == "pullwhy-catalogue")
        });
    assert!(!ingest_knows_causes, "ingest must not know causes");
}
