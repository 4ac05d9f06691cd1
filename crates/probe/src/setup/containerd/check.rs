//! What keeps containerd from starting, whoever asks it: values of another type, names of plug-ins that are
//! not whole, and a version that it does not know (`cmd/containerd/server/config`).

use super::found::EACH;
use super::table_of;
use crate::setup::Setup;
use crate::setup::release::Known;
use crate::setup::service::Service;
use crate::setup::text::Text;
use crate::setup::tree::{self, Value};
use crate::trust::Source;

/// The newest versions of the file, and the releases that they came with.
const NEWEST: [(i64, [u32; 3]); 3] = [(4, [2, 3, 0]), (3, [2, 0, 0]), (2, [0, 0, 0])];
/// The first releases that refuse a file that is too new for them, of 1.7 and 1.6; the ones before take
/// it for one of version 2.
const REFUSES: [([u32; 3], [u32; 3]); 2] = [([1, 7, 0], [1, 7, 17]), ([1, 6, 0], [1, 6, 32])];

/// What a key takes.
#[derive(Clone, Copy)]
enum Kind {
    Number,
    Text,
    Texts,
}

/// Keys of the whole file.
const WHOLE: [(&[&str], Kind); 7] = [
    (&["version"], Kind::Number),
    (&["root"], Kind::Text),
    (&["state"], Kind::Text),
    (&["imports"], Kind::Texts),
    (&["disabled_plugins"], Kind::Texts),
    (&["required_plugins"], Kind::Texts),
    (&["grpc", "address"], Kind::Text),
];
/// Keys of the CRI service's table that are for pulls; `*` for any name.
const OF_CRI: [(&[&str], Kind); 8] = [
    (&["snapshotter"], Kind::Text),
    (&["containerd", "snapshotter"], Kind::Text),
    (&["registry", "config_path"], Kind::Text),
    (&["registry", "mirrors", "*", "endpoint"], Kind::Texts),
    (
        &["registry", "configs", "*", "auth", "username"],
        Kind::Text,
    ),
    (
        &["registry", "configs", "*", "auth", "password"],
        Kind::Text,
    ),
    (&["registry", "configs", "*", "auth", "auth"], Kind::Text),
    (
        &["registry", "configs", "*", "auth", "identitytoken"],
        Kind::Text,
    ),
];

/// Looks through a file; `version`: what it counts as.
pub(super) fn file(
    file: &Text,
    root: &toml::de::DeTable<'_>,
    version: i64,
    service: &Service,
    setup: &mut Setup,
) {
    let mut wrong = Vec::new();
    let whole = WHOLE.iter().map(|(path, kind)| (path.to_vec(), *kind));
    let table = table_of(version).unwrap_or_default();
    let cri = OF_CRI
        .iter()
        .map(|(path, kind)| ([table, path].concat(), *kind));
    for (path, kind) in whole.chain(cri) {
        wrong.extend(misfits(file, root, &path, kind));
    }
    for (source, says) in wrong {
        let says = format!("{says}: containerd does not start");
        setup.breaks_start(service, &source, &says);
    }
}

/// What a release says of a file's version; `first`: that of the file which imports the others.
pub(super) fn version(
    file: &Text,
    root: &toml::de::DeTable<'_>,
    (version, first): (i64, Option<i64>),
    known: &Known,
    service: &Service,
    setup: &mut Setup,
) {
    let at = root.get("version").map_or(0, |value| value.span().start);
    let (source, release) = (file.source(at), known.shown());
    let mut newest = NEWEST.into_iter();
    if known.release.is_none() {
        let newest = NEWEST[0].0;
        if version > newest {
            let says = format!(
                "`version` {version} is none that there is, up to {newest}: but for early releases of containerd 1.6 and 1.7, it does not start"
            );
            setup.warns(&source, says);
        }
        return;
    }
    let newest = newest.find(|(_, from)| known.reaches(*from) == Some(true));
    let newest = newest.map_or(2, |(newest, _)| newest);
    if version > newest {
        let early = REFUSES.iter().any(|(from, to)| {
            known.reaches(*from) == Some(true) && known.reaches(*to) == Some(false)
        });
        let says = format!(
            "`version` {version} is too new for containerd {release}, which knows up to {newest}"
        );
        if early {
            setup.warns(&source, format!("{says}, and takes it for that"));
        } else {
            setup.breaks_start(service, &source, &format!("{says}: it does not start"));
        }
    } else if let Some(first) = first.filter(|first| version > *first)
        && known.reaches(EACH) == Some(true)
    {
        let says = format!(
            "`version` {version} is higher than {first} of the file that imports it: containerd {release} does not start"
        );
        setup.breaks_start(service, &source, &says);
    }
}

/// Names of plug-ins must be whole from version 2 on.
pub(super) fn names(
    named: &[(String, Source)],
    version: i64,
    service: &Service,
    setup: &mut Setup,
) {
    for (name, source) in named.iter().filter(|_| version > 1) {
        if !name.contains('.') {
            let says = format!(
                "`{name}` is no whole name of a plug-in, such as `io.containerd.grpc.v1.cri`: containerd does not start"
            );
            setup.breaks_start(service, source, &says);
        } else if name.split('.').count() < 4 {
            let says = format!(
                "`{name}` is no whole name of a plug-in, such as `io.containerd.grpc.v1.cri`: containerd 1.x does not start with it"
            );
            setup.warns(source, says);
        }
    }
}

/// What stands below a key of a table; `*` for any.
fn below<'v, 't>(table: &'v toml::de::DeTable<'t>, key: &str) -> Vec<(&'v str, &'v Value<'t>)> {
    let all = tree::entries(table).into_iter();
    all.filter(|(name, ..)| key == "*" || *name == key)
        .map(|(name, _, value)| (name, value))
        .collect()
}

/// Values of a path that are of another type.
fn misfits(
    file: &Text,
    root: &toml::de::DeTable<'_>,
    path: &[&str],
    kind: Kind,
) -> Vec<(Source, String)> {
    let mut wrong = Vec::new();
    let mut tables = vec![root];
    let Some((last, way)) = path.split_last() else {
        return wrong;
    };
    for key in way {
        let mut inner = Vec::new();
        for (_, value) in tables.iter().flat_map(|table| below(table, key)) {
            inner.extend(tree::table(value));
        }
        tables = inner;
    }
    for (name, value) in tables.iter().flat_map(|table| below(table, last)) {
        let (fits, wanted) = match kind {
            Kind::Number => (tree::number(value).is_some(), "a whole number"),
            Kind::Text => (tree::text(value).is_some(), "text"),
            Kind::Texts => (tree::texts(value).is_some(), "a list of texts"),
        };
        if !fits {
            let source = file.source(value.span().start);
            wrong.push((source, format!("`{name}` is not {wanted}")));
        }
    }
    wrong
}
