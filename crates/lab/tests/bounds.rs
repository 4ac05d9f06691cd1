//! Nothing hangs: a dead hop costs its own timeout once, wherever it is and however it is dead, and a
//! walk in which every hop is slow ends within [`WALK`] timeouts.

#![allow(
    clippy::print_stdout,
    reason = "times are printed for who runs the test"
)]

use std::time::{Duration, Instant};

use pullwhy_lab::content::digest;
use pullwhy_lab::scenario::Scenario;
use pullwhy_lab::stage::Stage;
use pullwhy_model::{HopRow, Status};
use pullwhy_probe::{WALK, walk};

/// The timeout of a hop, in milliseconds.
const TIMEOUT: u64 = 600;
/// For a machine that does other things too. A silent TLS port is asked in plain HTTP as well.
const SLACK: Duration = Duration::from_secs(1);

const TLS: &str = "host = 'registry.test'\nlisten = 'tls'\n";

/// Walks among servers, without looking at what comes out.
fn walked(servers: &str, timeout: u64) -> (Vec<HopRow>, Duration) {
    let text = format!(
        "title = 'bounds'\nimage = '{{registry}}/team/app:1'\ntimeout_ms = {timeout}\n{servers}\n\
         [expect]\nverdict = 'unknown'\n"
    );
    let scenario: Scenario = toml::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let stage = Stage::start(&scenario).expect("servers start");
    let started = Instant::now();
    let rows = walk(&stage.image, &stage.options, &mut ()).rows;
    (rows, started.elapsed())
}

fn answer(server: &str, path: &str, more: &str) -> String {
    format!("[[servers.{server}.answer]]\npath = '{path}'\n{more}\n")
}

/// A manifest of many layers.
fn manifest(layers: usize) -> String {
    let layers: Vec<String> = (0..layers)
        .map(|n| {
            format!(
                r#"{{"digest":"{}","size":1}}"#,
                digest(n.to_string().as_bytes())
            )
        })
        .collect();
    format!(
        r#"{{"schemaVersion":2,"config":{{"digest":"{}","size":1}},"layers":[{}]}}"#,
        digest(b"config"),
        layers.join(",")
    )
}

fn registry(head: &str, blobs: &str) -> String {
    let manifest = format!("body = '{}'", manifest(60));
    [
        format!("[servers.registry]\n{head}"),
        answer("registry", "/v2/", "body = '{}'"),
        answer("registry", "/v2/team/app/manifests/*", &manifest),
        answer("registry", "/v2/team/app/blobs/*", blobs),
    ]
    .concat()
}

#[test]
fn a_dead_hop_costs_its_own_timeout_once() {
    let silent = "delay_ms = 20000";
    let drip = "body_bytes = 5000\ndrip = 20";
    let wants =
        "status = 401\nheaders = { Www-Authenticate = 'Bearer realm=\"{auth.url}/token\"' }";
    let tls = format!("[servers.registry]\n{TLS}");
    let bearer = format!("{tls}{}", answer("registry", "/v2/", wants));
    let pings = format!("{tls}{}", answer("registry", "/v2/", "body = '{}'"));
    let dns = |fault: &str| {
        format!(
            "resolvers = ['dns']\n{tls}[servers.dns]\nlisten = 'dns'\n[[servers.dns.name]]\nname = 'registry.test'\naddress = ['127.0.0.1']\nfault = '{fault}'\n"
        )
    };
    // Every name of the search list takes its time.
    let searched = |names: &str, fault: &str| {
        let name = |name: &str| {
            format!(
                "[[servers.dns.name]]\nname = '{name}'\naddress = ['127.0.0.1']\nfault = '{fault}'\n"
            )
        };
        let search =
            "resolv_conf = 'search a.test b.test c.test d.test'\nnot_in_hosts = ['registry']\n";
        let names: String = names.split(' ').map(name).collect();
        format!(
            "{search}name_servers = ['dns']\n[servers.registry]\nhost = 'registry'\n[servers.dns]\nlisten = 'dns'\n{names}"
        )
    };
    let all_names = "registry.a.test registry.b.test registry.c.test registry.d.test registry";
    let entries = r#"as = 'kubelet'
authfile = '{"auths":{"{registry}/team/app":{"auth":"{=u:a}"},"{registry}/team":{"auth":"{=u:b}"},"{registry}":{"auth":"{=u:c}"}}}'
"#;
    let moved = "status = 307\nheaders = { Location = '{store.url}/x' }";
    let store = |listen: &str| {
        let store = "host = 'store.test'\nanything = true";
        format!(
            "{}[servers.store]\n{store}\nlisten = '{listen}'\n",
            registry("", moved)
        )
    };
    let auth =
        |listen: &str| format!("{bearer}[servers.auth]\nhost = 'auth.test'\nlisten = '{listen}'\n");
    let proxy = |listen: &str| {
        format!(
            "proxy = 'http://{{proxy}}'\n{tls}[servers.proxy]\nhost = 'proxy.test'\nlisten = '{listen}'\n"
        )
    };
    let listens =
        |listen: &str| format!("[servers.registry]\nhost = 'registry.test'\nlisten = '{listen}'\n");
    // A record of TLS that is announced long and comes in time for every single read.
    let record = "bytes = '16 0303 4000 02 003ffc 0303'\ndrip_ms = 100\n";
    // Nine signatures, that Podman is told to look for.
    let signed = |manifest: &str, payload: &str| {
        let layer = format!(
            r#"{{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","digest":"{}","size":1}}"#,
            digest(b"signed")
        );
        let all = vec![layer; 9].join(",");
        let kind = "headers = { Content-Type = 'application/vnd.oci.image.manifest.v1+json' }";
        let body = format!(r#"body = '{{"schemaVersion":2,"layers":[{all}]}}'"#);
        let blob = format!("/v2/team/app/blobs/{}", digest(b"signed"));
        let signatures = [
            answer(
                "registry",
                "/v2/team/app/manifests/sha256-*",
                &format!("{kind}\n{body}\n{manifest}"),
            ),
            answer("registry", &blob, payload),
        ];
        format!(
            "as = 'podman'\n[files]\n\
             'etc/containers/registries.conf' = \"[[registry]]\\nlocation = '{{registry}}'\\ninsecure = true\\n\"\n\
             'etc/containers/registries.d/a.yaml' = 'default-docker: {{use-sigstore-attachments: true}}'\n{}",
            registry(&signatures.concat(), "")
        )
    };
    let slow = "delay_ms = 450\nbody = 'signed'";
    for (name, servers) in [
        ("dns silent", dns("silent")),
        ("dns drip", dns("drip")),
        ("search list silent", searched(all_names, "silent")),
        ("search list drip", searched(all_names, "drip")),
        (
            "search list silent after its first",
            searched("registry.b.test", "silent"),
        ),
        ("tcp black hole", listens("black-hole")),
        ("tls silent", listens("silent")),
        ("tls drip", format!("{}{record}", listens("bytes"))),
        ("proxy black hole", proxy("black-hole")),
        ("proxy silent", proxy("silent")),
        (
            "ping silent",
            format!("{tls}{}", answer("registry", "/v2/", silent)),
        ),
        (
            "ping drip",
            format!("{tls}{}", answer("registry", "/v2/", drip)),
        ),
        (
            "ping silent, plain",
            format!("[servers.registry]\n{}", answer("registry", "/v2/", silent)),
        ),
        ("token black hole", auth("black-hole")),
        (
            "token silent",
            format!("{}{}", auth("tls"), answer("auth", "/token", silent)),
        ),
        (
            "token drip",
            format!("{}{}", auth("tls"), answer("auth", "/token", drip)),
        ),
        (
            "token silent, three credentials",
            format!(
                "{entries}{}{}",
                auth("tls"),
                answer("auth", "/token", silent)
            ),
        ),
        (
            "manifest silent, three credentials",
            format!(
                "{entries}{pings}{}",
                answer("registry", "/v2/team/app/*", silent)
            ),
        ),
        (
            "manifest silent",
            format!("{pings}{}", answer("registry", "/v2/team/app/*", silent)),
        ),
        (
            "manifest drip",
            format!("{pings}{}", answer("registry", "/v2/team/app/*", drip)),
        ),
        ("signatures silent", signed(silent, "")),
        ("signatures drip", signed("drip = 20", "")),
        ("what is signed silent", signed("", silent)),
        ("what is signed drip", signed("", drip)),
        ("nine signatures slow", signed("", slow)),
        ("60 layers silent", registry(TLS, silent)),
        ("60 layers silent, plain", registry("", silent)),
        (
            "60 layers redirected into a black hole",
            store("black-hole"),
        ),
        ("60 layers redirected to silence", store("silent")),
    ] {
        let (rows, took) = walked(&servers, TIMEOUT);
        println!("{took:7.1?} {name}");
        let failed = rows.iter().filter(|row| row.status == Status::Failed);
        assert!(failed.count() > 0, "{name}: {rows:#?}");
        let most = Duration::from_millis(TIMEOUT) + SLACK;
        assert!(took < most, "{name} takes {took:?}: {rows:#?}");
    }
}

#[test]
fn slow_layers_cost_two_timeouts_however_many_there_are() {
    let slow = format!("delay_ms = {}", TIMEOUT * 3 / 4);
    let (rows, took) = walked(&registry(TLS, &slow), TIMEOUT);
    let passed_over = rows.iter().filter(|row| row.status == Status::Skipped);
    assert!(passed_over.count() > 40, "{rows:#?}");
    assert!(
        took < Duration::from_millis(TIMEOUT * 2) + SLACK,
        "{took:?}"
    );
}

#[test]
fn a_walk_that_is_slow_everywhere_ends_within_its_bound() {
    let timeout = 200;
    let delay = format!("delay_ms = {}", timeout * 3 / 4);
    // Every request is sent on as often as is followed, and answered only then.
    let chain = |path: &str, last: &str| -> String {
        let hop = |n: usize| match n {
            0 => path.to_owned(),
            n => format!("{path}-{n}"),
        };
        let steps = (0..5).map(|n| {
            let to = format!(
                "status = 307\nheaders = {{ Location = '{}' }}\n{delay}",
                hop(n + 1)
            );
            answer("registry", &hop(n), &to)
        });
        steps.chain([answer("registry", &hop(5), last)]).collect()
    };
    let own = digest(manifest(60).as_bytes());
    let index = format!(
        r#"{{"manifests":[{{"digest":"{own}","platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#
    );
    let mut servers = format!("[servers.registry]\n{TLS}anything = true\n");
    servers.push_str(&chain("/v2/", &format!("body = '{{}}'\n{delay}")));
    let base = "/v2/team/app/manifests/";
    servers.push_str(&chain(
        &format!("{base}1"),
        &format!("body = '{index}'\n{delay}"),
    ));
    let last = format!("body = '{}'\n{delay}", manifest(60));
    servers.push_str(&chain(&format!("{base}{own}"), &last));
    servers.push_str(&answer(
        "registry",
        "/v2/team/app/blobs/*",
        &format!("status = 307\nheaders = {{ Location = '/again' }}\n{delay}"),
    ));
    servers.push_str(&answer(
        "registry",
        "/again",
        &format!("status = 307\nheaders = {{ Location = '/again' }}\n{delay}"),
    ));
    let (rows, took) = walked(&servers, timeout);
    println!("{took:?} of {:?}", Duration::from_millis(timeout) * WALK);
    assert!(
        took < Duration::from_millis(timeout) * WALK + SLACK,
        "{took:?} {rows:#?}"
    );
    assert!(
        took > Duration::from_millis(timeout) * 10,
        "the walk was not slow: {rows:#?}"
    );
}

/// A plain layer of some bytes, that comes so many bytes a second.
fn dripping(listen: &str, rate: u64, pull: &str) -> String {
    format!(
        "[pull]\n{pull}\n[[made.layer]]\ncompression = 'none'\n[[made.layer.member]]\nname = 'app'\nbytes = 2000\n\
         [servers.registry]\n{listen}serves = 'image'\n{}",
        answer(
            "registry",
            "/v2/team/app/blobs/{layer1}",
            &format!("method = 'GET'\nbase64 = '{{layer1.base64}}'\ndrip = {rate}")
        )
    )
}

#[test]
fn a_pull_lasts_as_long_as_bytes_come() {
    let timeout = 200;
    for listen in ["", TLS] {
        let (rows, took) = walked(&dripping(listen, 500, ""), timeout);
        println!("{took:?} of {:?}", Duration::from_millis(timeout) * WALK);
        assert!(
            took > Duration::from_millis(timeout) * WALK,
            "the pull was not slow: {rows:#?}"
        );
        let failed = rows.iter().filter(|row| row.status == Status::Failed);
        assert_eq!(failed.count(), 0, "{rows:#?}");
    }
}

#[test]
fn a_pull_ends_when_its_time_is_over() {
    for listen in ["", TLS] {
        let (rows, took) = walked(&dripping(listen, 50, "total_ms = 700"), 400);
        assert!(took < Duration::from_millis(700) + SLACK, "{took:?}");
        // No engine has this time: whether it would have pulled is open, and nothing has failed.
        let failed = rows.iter().filter(|row| row.status == Status::Failed);
        assert_eq!(failed.count(), 0, "{rows:#?}");
        let layer = rows
            .iter()
            .find(|row| row.saw.as_deref() == Some("time-over"));
        let layer = layer.unwrap_or_else(|| panic!("nothing was left open: {rows:#?}"));
        assert!(layer.leaves_open(), "{layer:#?}");
        assert!(
            layer
                .summary
                .contains("before the time for the pull was over"),
            "{layer:#?}"
        );
    }
}

#[test]
fn an_engine_that_asks_again_costs_no_more_than_its_waits() {
    let timeout = Duration::from_millis(TIMEOUT);
    let listens =
        |listen: &str| format!("[servers.registry]\nhost = 'registry.test'\nlisten = '{listen}'\n");
    let status = |status: u16, head: &str| {
        let row = format!("status = {status}\n{head}");
        format!(
            "[servers.registry]\n{TLS}{}",
            answer("registry", "/v2/*", &row)
        )
    };
    let hour = "headers = { Retry-After = '3600' }";
    // Podman repeats the whole pull after a second, three times.
    let repeats = Duration::from_secs(3);
    for (name, engine, servers, most) in [
        ("black hole", "podman", listens("black-hole"), timeout),
        ("silent TLS", "podman", listens("silent"), timeout),
        (
            "silent manifest",
            "docker",
            registry(TLS, "").replace("manifests/*'\n", "manifests/*'\ndelay_ms = 20000\n"),
            timeout,
        ),
        (
            "silent manifest",
            "containerd",
            registry(TLS, "").replace("manifests/*'\n", "manifests/*'\ndelay_ms = 20000\n"),
            timeout,
        ),
        ("429", "podman", status(429, ""), timeout),
        ("429 for an hour", "podman", status(429, hour), timeout),
        ("429", "containerd", status(429, ""), timeout),
        ("503", "podman", status(503, ""), repeats),
        ("refused", "podman", listens("refuse"), repeats),
        (
            "60 layers that are not there",
            "docker",
            registry(TLS, "status = 503"),
            timeout * 2,
        ),
    ] {
        let (rows, took) = walked(&format!("as = '{engine}'\n{servers}"), TIMEOUT);
        println!("{took:7.1?} {name}, as {engine}");
        let failed = rows.iter().filter(|row| row.status == Status::Failed);
        assert!(failed.count() > 0, "{name}: {rows:#?}");
        assert!(took < most + SLACK, "{name} takes {took:?}: {rows:#?}");
    }
}
