//! The form of manifests and configurations, as Go's programs read JSON: names of any case, numbers and
//! texts where they belong.

use serde_json::Value;

use super::Reader;
use super::document::{Kind, kind};

/// Names that count somewhere in a manifest, an index or a configuration.
const NAMES: [&str; 38] = [
    "architecture",
    "artifactType",
    "author",
    "Cmd",
    "comment",
    "config",
    "created",
    "created_by",
    "diff_ids",
    "digest",
    "empty_layer",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "history",
    "Labels",
    "layers",
    "manifests",
    "mediaType",
    "OnBuild",
    "os",
    "os.features",
    "os.version",
    "platform",
    "rootfs",
    "schemaVersion",
    "Shell",
    "size",
    "StopSignal",
    "StopTimeout",
    "subject",
    "type",
    "urls",
    "User",
    "variant",
    "Volumes",
    "WorkingDir",
    "Healthcheck",
];

/// Reads JSON as engines do: a name that is known counts in whichever case it is written, unless it is
/// there as it should be (Go, `encoding/json`, `Unmarshal`). Tried with Docker 20.10, containerd 1.6 and
/// Podman 4.3.
pub(crate) fn as_engines_read(bytes: &[u8]) -> Option<Value> {
    let mut value: Value = serde_json::from_slice(bytes).ok()?;
    let mut left = vec![&mut value];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(map) => {
                let otherwise = |name: &&String| {
                    let known = |own: &&str| own.eq_ignore_ascii_case(name) && own != name;
                    NAMES.iter().any(known)
                };
                let wrong: Vec<String> = map.keys().filter(otherwise).cloned().collect();
                for name in wrong {
                    let own = NAMES.iter().find(|own| own.eq_ignore_ascii_case(&name));
                    if let (Some(own), Some(value)) = (own, map.remove(&name)) {
                        map.entry(*own).or_insert(value);
                    }
                }
                left.extend(map.values_mut());
            }
            Value::Array(list) => left.extend(list),
            _ => {}
        }
    }
    Some(value)
}

/// The first size that no program reads as one: a text, a fraction. Tried: all engines stop there.
pub(super) fn odd_size(manifest: &Value) -> Option<&Value> {
    let lists = ["layers", "manifests"].into_iter();
    let named = lists.flat_map(|list| manifest[list].as_array().into_iter().flatten());
    named
        .chain([&manifest["config"]])
        .map(|blob| &blob["size"])
        .find(|size| !size.is_null() && size.as_i64().is_none())
}

/// Who refuses a manifest that says to be another thing than the answer says, and why; `None`: nobody who
/// counts.
///
/// Docker's own store goes by the answer, and the manifest must agree (distribution, `manifest/*/manifest.go`).
/// Podman goes by the manifest, and takes no layers of OCI in one of Docker's (containers/image,
/// `SupportedSchema2MediaType`). Tried with 20.10 and 4.3.
pub(super) fn refused(manifest: &Value, said: &str, reader: Reader) -> Option<(bool, String)> {
    let own = manifest["mediaType"].as_str()?;
    let said = said.split(';').next().unwrap_or_default().trim();
    let is_known = |media: &str| matches!(kind(media), Kind::Image | Kind::Index);
    let differs = is_known(said) && own != said;
    let layers = manifest["layers"].as_array().into_iter().flatten();
    let mut types = layers.filter_map(|layer| layer["mediaType"].as_str());
    let mixed = own == "application/vnd.docker.distribution.manifest.v2+json"
        && types.any(|media| media.starts_with("application/vnd.oci."));
    let who = match (reader, differs, mixed) {
        (Reader::Docker(_), true, _) | (Reader::Any, true, false) => "Docker refuses",
        (Reader::Podman, _, true) | (Reader::Any, false, true) => "Podman refuses",
        (Reader::Any, true, true) => "Docker and Podman refuse",
        _ => return None,
    };
    let what = if differs {
        format!("it says to be {own}, and the answer says {said}")
    } else {
        "it is Docker's, and its layers are OCI's".to_owned()
    };
    Some((reader != Reader::Any, format!("{what}: {who} that")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hops::manifest::Edition;
    use serde_json::json;

    #[test]
    fn names_count_in_any_case_and_those_of_others_stay() {
        let bytes =
            br#"{"Layers": [{"Digest": "d", "SIZE": 1}], "digest": 1, "Digest": 2, "X": {"Y": 3}}"#;
        let read = as_engines_read(bytes).expect("JSON");
        let wanted = json!({"layers": [{"digest": "d", "size": 1}], "digest": 1, "X": {"Y": 3}});
        assert_eq!(read, wanted);
        assert!(as_engines_read(b"{} {}").is_none());
    }

    #[test]
    fn a_size_is_a_whole_number_or_is_not_there() {
        let of = |size: Value| json!({"config": {}, "layers": [{"size": 5}, {"size": size}]});
        for fine in [json!(0), json!(-1), json!(null)] {
            assert_eq!(odd_size(&of(fine)), None);
        }
        for odd in [json!("95"), json!(95.0), json!([])] {
            assert_eq!(odd_size(&of(odd.clone())), Some(&odd));
        }
    }

    #[test]
    fn who_refuses_a_manifest_of_two_minds_is_as_the_engines_do() {
        const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
        const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
        let layer = json!({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"});
        let of = |own: &str| json!({"mediaType": own, "layers": [layer.clone()]});
        for (own, said, reader, wanted) in [
            (DOCKER, OCI, Reader::Docker(Edition::Unknown), Some(true)),
            (DOCKER, OCI, Reader::Podman, Some(true)),
            (DOCKER, OCI, Reader::Containerd, None),
            (DOCKER, OCI, Reader::Any, Some(false)),
            (OCI, DOCKER, Reader::Podman, None),
            (
                OCI,
                "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
                Reader::Docker(Edition::Unknown),
                None,
            ),
            (OCI, "text/plain", Reader::Docker(Edition::Unknown), None),
        ] {
            let got = refused(&of(own), said, reader).map(|(fails, _)| fails);
            assert_eq!(got, wanted, "{own} as {said} for {reader:?}");
        }
    }
}
