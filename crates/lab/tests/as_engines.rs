//! What engines were seen to do with transfers, sizes, manifests and configurations that are not as they
//! should be: `check --pull --as` comes to the same end. Each was played to Docker 20.10, containerd 1.6 and
//! Podman 4.3 by hand, with servers like these.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::judge;
use pullwhy_lab::archive::{Member, archive};
use pullwhy_lab::content::digest;
use pullwhy_lab::made::gzip;
use pullwhy_lab::scenario::Scenario;
use pullwhy_lab::stage::Stage;
use pullwhy_model::{Answer, HopRow, Status};
use pullwhy_probe::walk;

const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// An image of one layer, whose parts can be replaced.
struct Image {
    layer: Vec<u8>,
    config: String,
    manifest: String,
    /// Media type of the answer with the manifest.
    said: &'static str,
    /// Rows of the registry that come before those of the image.
    rows: String,
    /// Further fields of the answers with layer, configuration and manifest.
    coded: [bool; 3],
    settings: &'static str,
}

fn tar() -> Vec<u8> {
    let member: Member = toml::from_str("name = 'app'\nbytes = 3000").expect("a member");
    archive(&[member])
}

fn config_of(diff_id: &str) -> String {
    format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
    )
}

impl Image {
    fn new() -> Self {
        Self::of(gzip(&tar()), config_of(&digest(&tar())))
    }

    fn of(layer: Vec<u8>, config: String) -> Self {
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{DOCKER}","config":{{"mediaType":"application/vnd.docker.container.image.v1+json","size":{},"digest":"{}"}},"layers":[{{"mediaType":"{DOCKER_LAYER}","size":{},"digest":"{}"}}]}}"#,
            config.len(),
            digest(config.as_bytes()),
            layer.len(),
            digest(&layer),
        );
        Self {
            layer,
            config,
            manifest,
            said: DOCKER,
            rows: String::new(),
            coded: [false; 3],
            settings: "",
        }
    }

    fn configured(config: &str) -> Self {
        let config = config.replace("{diff}", &digest(&tar()));
        Self::of(gzip(&tar()), config)
    }

    /// With another text in the manifest.
    fn with(mut self, old: &str, new: &str) -> Self {
        let (config, layer) = (self.config.len(), self.layer.len());
        let place = |text: &str| {
            let text = text.replace("{config}", &format!("\"size\":{config}"));
            text.replace("{layer}", &format!("\"size\":{layer}"))
        };
        let old = place(old);
        assert!(self.manifest.contains(&old), "{old}");
        self.manifest = self.manifest.replace(&old, &place(new));
        self
    }

    fn rows(self, rows: &str) -> Self {
        let path = format!("/v2/team/app/blobs/{}", digest(&self.layer));
        let bytes = STANDARD.encode(&self.layer);
        let rows = rows.replace("{layer}", &path).replace("{bytes}", &bytes);
        Self { rows, ..self }
    }

    fn walk(&self, engine: &str) -> (Answer, Option<String>, Vec<HopRow>) {
        let part = |path: &str, media: &str, bytes: &[u8], coded: bool| {
            let (bytes, coding) = if coded {
                (gzip(bytes), "Content-Encoding = 'gzip', ")
            } else {
                (bytes.to_vec(), "")
            };
            format!(
                "[[servers.registry.answer]]\npath = '/v2/team/app/{path}'\nbase64 = '{}'\n\
                 headers = {{ {coding}Content-Type = '{media}', Docker-Content-Digest = '{}' }}\n",
                STANDARD.encode(&bytes),
                digest(if coded {
                    self.manifest.as_bytes()
                } else {
                    &bytes
                }),
            )
        };
        let blob = |bytes: &[u8]| format!("blobs/{}", digest(bytes));
        let octets = "application/octet-stream";
        let [layer, config, manifest] = self.coded;
        let engine = match engine {
            "" => String::new(),
            engine => format!("as = '{engine}'\n"),
        };
        let text = [
            format!("title = 'seen'\nimage = '{{registry}}/team/app:1'\nplatform = 'linux/amd64'\n{engine}{}", self.settings),
            // Podman speaks plain HTTP only where it is told to.
            "[files]\n'etc/containers/registries.conf' = \"[[registry]]\\nlocation = '{registry}'\\ninsecure = true\\n\"\n"
                .to_owned(),
            "[pull]\n[servers.registry]\n".to_owned(),
            self.rows.clone(),
            "[[servers.registry.answer]]\npath = '/v2/'\nbody = '{}'\n".to_owned(),
            part("manifests/1", self.said, self.manifest.as_bytes(), manifest),
            part(&blob(self.config.as_bytes()), octets, self.config.as_bytes(), config),
            part(&blob(&self.layer), octets, &self.layer, layer),
            "[expect]\nverdict = 'unknown'\n".to_owned(),
        ]
        .concat();
        let scenario: Scenario = toml::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let stage = Stage::start(&scenario).expect("servers start");
        let mut walk = walk(&stage.image, &stage.options, &mut ());
        let catalogue = Catalogue::built_in().expect("the built-in catalogue loads");
        let judged = judge(&catalogue, &walk.image, &mut walk.rows);
        let cause = judged.incident.map(|incident| incident.cause.to_string());
        (judged.answer, cause, walk.rows)
    }
}

/// Who pulls it: of Docker, containerd, Podman, and of a walk that follows none of them. A warning says
/// where they differ.
#[track_caller]
fn pulls(name: &str, image: &Image, wanted: [bool; 4]) {
    for (engine, wanted) in ["docker", "containerd", "podman", ""]
        .into_iter()
        .zip(wanted)
    {
        let (answer, _, rows) = image.walk(engine);
        let pulls = answer == Answer::Pullable;
        assert_eq!(pulls, wanted, "{name} as `{engine}`: {answer:?} {rows:#?}");
        let differ = wanted && engine.is_empty();
        let warns = rows
            .iter()
            .any(|row| row.status == Status::Warning && row.summary.contains("refuse"));
        assert_eq!(
            differ && !ALL_PULL.contains(&name),
            warns && engine.is_empty(),
            "{name}: {rows:#?}"
        );
    }
}

/// What is odd and refused by nobody.
const ALL_PULL: [&str; 6] = [
    "sound",
    "capitals",
    "capitals in the configuration",
    "schemaVersion 1",
    "config compressed",
    "layer compressed for the way",
];

const YES: [bool; 4] = [true; 4];
const NO: [bool; 4] = [false; 4];

#[test]
fn sizes_count_as_far_as_engines_look_at_them() {
    pulls("sound", &Image::new(), YES);
    let containerd_only = [true, false, true, true];
    let less = Image::new();
    let less_size = format!("\"size\":{}", less.layer.len() - 1);
    pulls("less", &less.with("{layer}", &less_size), containerd_only);
    let more = Image::new();
    let more_size = format!("\"size\":{}", more.layer.len() + 1);
    pulls("more", &more.with("{layer}", &more_size), containerd_only);
    for size in ["\"size\":0", "\"size\":null", "\"size\":-1", "\"x\":1"] {
        pulls(size, &Image::new().with("{layer}", size), containerd_only);
    }
    let neither = [true, false, false, true];
    pulls(
        "no size of the configuration",
        &Image::new().with("{config}", "\"size\":0"),
        neither,
    );
    pulls(
        "more of the configuration",
        &Image::new().with("{config}", "\"size\":4000"),
        neither,
    );
    for size in ["\"size\":\"95\"", "\"size\":95.0"] {
        pulls(size, &Image::new().with("{layer}", size), NO);
    }
    let nothing = Image::of(Vec::new(), config_of(&digest(b"")));
    pulls("a layer of no bytes", &nothing, containerd_only);
}

#[test]
fn a_body_that_is_compressed_for_the_way_is_read_as_engines_read_it() {
    let coded = |layer, config, manifest| Image {
        coded: [layer, config, manifest],
        ..Image::new()
    };
    pulls("config compressed", &coded(false, true, false), YES);
    pulls(
        "layer compressed for the way",
        &coded(true, false, false),
        YES,
    );
    pulls(
        "manifest",
        &coded(false, false, true),
        [true, false, true, true],
    );
    // The layer as it is, which is said to be compressed for the way: nobody gets its bytes.
    let rows = "[[servers.registry.answer]]\npath = '{layer}'\nbase64 = '{bytes}'\nheaders = { Content-Encoding = 'gzip' }\n";
    let wrong = Image::new().rows(rows);
    pulls("a layer that is not", &wrong, NO);
    let (_, cause, rows) = wrong.walk("");
    assert_eq!(cause.as_deref(), Some("content/digest-mismatch"));
    let told = rows
        .iter()
        .any(|row| row.summary.contains("Content-Encoding"));
    assert!(told, "{rows:#?}");
}

#[test]
fn manifests_and_configurations_are_read_as_engines_read_them() {
    let capitals = Image::new()
        .with("\"layers\"", "\"Layers\"")
        .with("\"digest\"", "\"Digest\"");
    pulls("capitals", &capitals, YES);
    let config =
        r#"{"Architecture":"amd64","OS":"linux","RootFS":{"Type":"layers","Diff_IDs":["{diff}"]}}"#;
    pulls(
        "capitals in the configuration",
        &Image::configured(config),
        YES,
    );
    let oci = |image: Image| Image {
        said: OCI,
        ..image.with(DOCKER_LAYER, OCI_LAYER)
    };
    let first = oci(Image::new())
        .with(DOCKER, OCI)
        .with("\"schemaVersion\":2", "\"schemaVersion\":1");
    pulls("schemaVersion 1", &first, YES);
    pulls("two kinds", &oci(Image::new()), [false, true, false, true]);
    let windows = r#"{"architecture":"amd64","os":"windows","rootfs":{"type":"layers","diff_ids":["{diff}"]}}"#;
    pulls(
        "windows",
        &Image::configured(windows),
        [false, true, true, true],
    );
    let history = r#"{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":["{diff}"]},"history":[{"created_by":"a"},{"created_by":"b"}]}"#;
    pulls(
        "history",
        &Image::configured(history),
        [false, true, true, true],
    );
    for odd in [
        r#""config":{"Env":"notalist"}"#,
        r#""created":"not a date""#,
    ] {
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux",{odd},"rootfs":{{"diff_ids":["{{diff}}"]}}}}"#
        );
        pulls(odd, &Image::configured(&config), NO);
    }
}

/// The layer is cut at first, and what is answered to a request for the rest.
fn cut_and(rest: &str) -> Image {
    let rows = format!(
        "[[servers.registry.answer]]\nmethod = 'GET'\npath = '{{layer}}'\nbase64 = '{{bytes}}'\ncut = 40\ntimes = 1\n\
         [[servers.registry.answer]]\npath = '{{layer}}'\nif_header = 'Range'\n{rest}\n"
    );
    Image {
        settings: "timeout_ms = 400\n",
        ..Image::new().rows(&rows)
    }
}

#[test]
fn docker_begins_anew_where_the_rest_is_not_to_be_had() {
    let size = Image::new().layer.len();
    for rest in [
        "status = 416".to_owned(),
        "status = 206\nbody_bytes = 50".to_owned(),
        "status = 206\nbody_bytes = 9\nheaders = { Content-Range = 'bytes 41-49/50' }".to_owned(),
        format!(
            "status = 206\nbase64 = '{}'\nheaders = {{ Content-Range = 'bytes 40-{}/{size}' }}",
            STANDARD.encode(vec![0; size - 40]),
            size - 1
        ),
    ] {
        let image = cut_and(&rest);
        let (answer, _, rows) = image.walk("docker");
        assert_eq!(answer, Answer::Pullable, "{rest}: {rows:#?}");
        let anew = rows
            .iter()
            .any(|row| row.status == Status::Warning && row.summary.contains("begun anew"));
        assert!(anew, "{rest}: {rows:#?}");
        // containerd 1.6 fails with each of them.
        let (answer, cause, rows) = image.walk("containerd");
        assert_eq!(answer, Answer::NotPullable, "{rest}: {rows:#?}");
        let cause = cause.unwrap_or_default();
        let as_seen = ["network/connection-reset", "content/digest-mismatch"];
        assert!(
            as_seen.contains(&cause.as_str()),
            "{rest}: {cause} {rows:#?}"
        );
    }
}

#[test]
fn podman_goes_on_after_a_break_only_in_newer_releases_and_the_row_says_so() {
    let rows = "[[servers.registry.answer]]\nmethod = 'GET'\npath = '{layer}'\nbase64 = '{bytes}'\ncut = 40\ntimes = 1\n";
    let (answer, _, rows) = Image::new().rows(rows).walk("podman");
    assert_eq!(answer, Answer::Pullable, "{rows:#?}");
    let told = rows.iter().any(|row| {
        row.summary
            .contains("as Podman does from 4.5 on, and not before")
    });
    assert!(told, "{rows:#?}");
}

#[test]
fn a_login_page_in_place_of_a_layer_and_a_redirect_without_end_are_no_fault_of_bytes_or_address() {
    for (rows, wanted) in [
        (
            "body = '<html><body>Please log in</body></html>'\nheaders = { Content-Type = 'text/html' }",
            "network/intercepted",
        ),
        (
            "body = '<!DOCTYPE html><title>Log in</title>'",
            "network/intercepted",
        ),
        (
            "status = 307\nheaders = { Location = '{layer}' }",
            "network/intercepted",
        ),
        (
            "status = 307\nheaders = { Location = '' }",
            "network/intercepted",
        ),
    ] {
        let rows = format!("[[servers.registry.answer]]\npath = '{{layer}}'\n{rows}\n");
        let image = Image::new().rows(&rows);
        for engine in ["", "docker", "containerd", "podman"] {
            let (answer, cause, rows) = image.walk(engine);
            assert_eq!(answer, Answer::NotPullable, "{rows:#?}");
            assert_eq!(cause.as_deref(), Some(wanted), "{engine}: {rows:#?}");
        }
    }
}

#[test]
fn a_redirect_up_and_over_is_followed() {
    let rows = "[[servers.registry.answer]]\npath = '{layer}'\nstatus = 307\nheaders = { Location = '../../other/blobs/x' }\n\
                [[servers.registry.answer]]\npath = '/v2/team/other/blobs/x'\nbase64 = '{bytes}'\n";
    let (answer, _, rows) = Image::new().rows(rows).walk("");
    assert_eq!(answer, Answer::Pullable, "{rows:#?}");
}

#[test]
fn a_password_that_the_registry_says_back_is_in_no_row() {
    let rows = "[[servers.registry.answer]]\npath = '/v2/*'\nstatus = 401\n\
                headers = { WWW-Authenticate = 'Basic realm=\"x\"' }\n\
                body = '{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"user me with password SECRETPWX refused: bWU6U0VDUkVUUFdY\"}]}'\n";
    let image = Image {
        rows: rows.to_owned(),
        settings: "creds = 'me:SECRETPWX'\n",
        ..Image::new()
    };
    for engine in ["", "docker", "containerd", "podman"] {
        let (answer, _, rows) = image.walk(engine);
        assert_eq!(answer, Answer::NotPullable);
        let all = format!("{rows:?}");
        assert!(all.contains("[redacted]"), "{all}");
        assert!(
            !all.contains("SECRETPWX") && !all.contains("bWU6U0VDUkVU"),
            "{all}"
        );
    }
}
