//! Docker's folder of a registry: `*.crt` are authorities, `X.cert` and `X.key` a client's pair
//! (moby, `daemon/pkg/registry/registry.go`; containers/image, `pkg/tlsclientconfig`). containerd
//! reads such a folder where there is no `hosts.toml`.

use std::path::{Path, PathBuf};

use super::{Authorities, ClientCertificate, Layout, RegistryTrust, Source, entries, load};

pub(crate) fn read(folder: &Path, layout: Layout, trust: &mut RegistryTrust) {
    let mut files: Vec<PathBuf> = entries(folder).filter(|path| !path.is_dir()).collect();
    files.sort();
    for path in &files {
        match path.extension().and_then(|e| e.to_str()) {
            Some("crt") => authorities(path, layout, trust),
            Some("cert") => client(path, layout, trust),
            Some("key")
                if !path.with_extension("cert").exists() && layout != Layout::Containerd =>
            {
                let name = name(&path.with_extension("cert"));
                trust.problem(
                    Source::file(path),
                    true,
                    format!(
                        "missing client certificate {name} for this key: {}",
                        layout.refuses()
                    ),
                );
            }
            Some("pem" | "cer" | "der") => trust.problem(
                Source::file(path),
                false,
                "is not read: certificates of authorities must end in `.crt`",
            ),
            _ => {}
        }
    }
}

fn authorities(path: &Path, layout: Layout, trust: &mut RegistryTrust) {
    let source = Source::file(path);
    match load::certificates(path) {
        Ok(certificates) if certificates.is_empty() => {
            // containerd stops where Docker takes no notice.
            let stops = layout == Layout::Containerd;
            trust.problem(source, stops, "holds no certificate in PEM form");
        }
        Ok(certificates) => trust.authorities.push(Authorities {
            source,
            layout,
            certificates,
        }),
        Err(why) => trust.problem(source, true, format!("cannot be read: {why}")),
    }
}

fn client(path: &Path, layout: Layout, trust: &mut RegistryTrust) {
    let source = Source::file(path);
    let beside = path.with_extension("key");
    let key = match (beside.exists(), layout) {
        (true, _) => beside.as_path(),
        (false, Layout::Containerd) => path,
        (false, _) => {
            let says = format!(
                "missing key {} for this client certificate: {}; certificates of authorities must end in `.crt`",
                name(&beside),
                layout.refuses()
            );
            return trust.problem(source, true, says);
        }
    };
    match load::pair(path, key) {
        Ok(key) => trust.clients.push(ClientCertificate { source, key }),
        Err(why) => trust.problem(source, true, format!("client certificate: {why}")),
    }
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    format!("`{}`", name.to_string_lossy())
}
