//! Checks every format file and packs them into one blob, so that the binary starts without
//! parsing TOML. A wrong file stops the build with file and reason.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

#[path = "src/formats/file.rs"]
#[expect(
    unreachable_pub,
    reason = "shared with the library, which uses the rest"
)]
mod file;

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed=formats");
    println!("cargo:rerun-if-changed=build.rs");
    let mut paths: Vec<_> = fs::read_dir("formats")
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .collect();
    paths.sort();
    let mut formats = Vec::new();
    let mut failed = false;
    for path in paths
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
    {
        println!("cargo:rerun-if-changed={}", path.display());
        let parsed = fs::read_to_string(path)
            .map_err(|e| e.to_string())
            .and_then(|text| toml::from_str(&text).map_err(|e| e.to_string()))
            .and_then(file::check);
        match parsed {
            Ok(mut format) => {
                format.samples.clear(); // only tests read them
                formats.push(format);
            }
            Err(reason) => {
                println!("cargo:error=crates/ingest/{}: {reason}", path.display());
                failed = true;
            }
        }
    }
    let out = Path::new(&env::var_os("OUT_DIR").unwrap_or_default()).join("formats.bin");
    let written = postcard::to_stdvec(&formats)
        .map_err(|e| e.to_string())
        .and_then(|b| fs::write(out, b).map_err(|e| e.to_string()));
    if let Err(error) = written {
        println!("cargo:error=packing the formats: {error}");
        failed = true;
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
