//! The schemas in `docs/schema/` are those that the types have.
//!
//! After a wanted change: `UPDATE_SCHEMA=1 cargo test -p pullwhy-model --test schema`.

use std::path::Path;

fn hold(name: &str, schema: &schemars::Schema) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/schema")
        .join(name);
    let mut generated = serde_json::to_string_pretty(schema).expect("a schema is JSON");
    generated.push('\n');
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &generated).expect("docs/schema is writable");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written.replace("\r\n", "\n") == generated,
        "docs/schema/{name} is not what the types say; \
         run UPDATE_SCHEMA=1 cargo test -p pullwhy-model --test schema"
    );
}

#[test]
fn the_schema_of_reports_is_checked_in() {
    hold(
        "report-1.schema.json",
        &schemars::schema_for!(pullwhy_model::Report),
    );
}

#[test]
fn the_schema_of_checks_is_checked_in() {
    hold(
        "check-1.schema.json",
        &schemars::schema_for!(pullwhy_model::CheckReport),
    );
}

#[test]
fn the_schema_of_hosts_is_checked_in() {
    hold(
        "host-1.schema.json",
        &schemars::schema_for!(pullwhy_model::HostReport),
    );
}
