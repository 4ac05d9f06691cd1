//! Checks every cause file and packs them into one blob, so that the binary starts without
//! parsing TOML. A wrong file stops the build with file, line and reason.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

#[path = "src/file.rs"]
#[expect(
    unreachable_pub,
    reason = "shared with the library, which uses the rest"
)]
mod file;
#[path = "src/later.rs"]
mod later;
#[path = "src/load.rs"]
#[expect(unreachable_pub, reason = "shared with the library")]
mod load;
#[path = "src/setting.rs"]
#[expect(
    unreachable_pub,
    dead_code,
    reason = "shared with the library, which uses the rest"
)]
mod setting;
#[path = "src/verbs.rs"]
#[expect(unreachable_pub, reason = "shared with the library")]
mod verbs;

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed=causes");
    println!("cargo:rerun-if-changed=build.rs");
    let mut problems = Vec::new();
    let mut loaded = Vec::new();
    for family in sorted(Path::new("causes")) {
        for path in sorted(&family) {
            let name = path.display().to_string().replace('\\', "/");
            let Some(id) = name
                .strip_prefix("causes/")
                .and_then(|n| n.strip_suffix(".toml"))
            else {
                problems.push(load::Problem {
                    file: name,
                    line: 1,
                    reason: "only <family>/<name>.toml files belong here".to_owned(),
                });
                continue;
            };
            println!("cargo:rerun-if-changed={name}");
            match fs::read_to_string(&path) {
                Ok(text) => loaded.extend(load::parse(id, &name, &text, &mut problems)),
                Err(error) => problems.push(load::Problem {
                    file: name,
                    line: 1,
                    reason: error.to_string(),
                }),
            }
        }
    }
    if problems.is_empty() {
        load::check_together(&loaded, &mut problems);
    }
    if !problems.is_empty() {
        for problem in &problems {
            println!("cargo:error=crates/catalogue/{problem}");
        }
        return ExitCode::FAILURE;
    }
    let blob: Vec<(String, file::CauseFile)> = loaded
        .into_iter()
        .map(|l| {
            let mut cause = l.cause;
            // Expected facts serve the tests only.
            for example in cause.examples.iter_mut() {
                example.facts.clear();
            }
            (l.id, cause)
        })
        .collect();
    let packed = pack("catalogue.bin", &blob).and_then(|()| programs());
    if let Err(error) = packed {
        println!("cargo:error={error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Writes a value where the library includes it from.
fn pack(name: &str, value: &impl serde::Serialize) -> Result<(), String> {
    let out = Path::new(&env::var_os("OUT_DIR").unwrap_or_default()).join(name);
    postcard::to_stdvec(value)
        .map_err(|e| e.to_string())
        .and_then(|bytes| fs::write(&out, bytes).map_err(|e| e.to_string()))
        .map_err(|e| format!("packing {}: {e}", out.display()))
}

/// The table of what programs change.
fn programs() -> Result<(), String> {
    const FILE: &str = "programs.toml";
    println!("cargo:rerun-if-changed={FILE}");
    let text = fs::read_to_string(FILE).map_err(|e| format!("crates/catalogue/{FILE}: {e}"))?;
    let table: verbs::Programs =
        toml::from_str(&text).map_err(|e| format!("crates/catalogue/{FILE}: {e}"))?;
    pack("programs.bin", &table)
}

fn sorted(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            !path
                .file_name()
                .is_some_and(|n| n.to_string_lossy().starts_with('.'))
        })
        .collect();
    paths.sort();
    paths
}
