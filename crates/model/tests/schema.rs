//! The schema in `docs/schema/` is the one that the types have.
//!
//! After a wanted change: `UPDATE_SCHEMA=1 cargo test -p pullwhy-model --test schema`.

use std::path::Path;

#[test]
fn the_schema_of_reports_is_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/report-1.schema.json");
    let generated = schemars::schema_for!(pullwhy_model::Report);
    let mut generated = serde_json::to_string_pretty(&generated).expect("a schema is JSON");
    generated.push('\n');
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &generated).expect("docs/schema is writable");
    }
    let written =
        std::fs::read_to_string(&path).expect("docs/schema/report-1.schema.json is there");
    assert!(
        written.replace("\r\n", "\n") == generated,
        "docs/schema/report-1.schema.json is not what the types say; \
         run UPDATE_SCHEMA=1 cargo test -p pullwhy-model --test schema"
    );
}
