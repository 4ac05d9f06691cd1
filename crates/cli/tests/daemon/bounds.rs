//! A walk ends within its bound too where daemon, client and every hop of the registry are slow.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use pullwhy_probe::WALK;

use crate::socket::{Behind, Socket};
use crate::stage::stage;
use crate::support::running;
use crate::{client, of_output, set};

/// Each answer takes most of the time of a hop.
const SLOW: &str = r#"
title = "every answer is slow"
image = "{registry}/team/app:1"
[servers.registry]
[[servers.registry.answer]]
path = "/v2/"
delay_ms = 700
body = "{}"
[[servers.registry.answer]]
path = "/v2/team/app/manifests/*"
delay_ms = 700
body = '{"schemaVersion":2,"config":{"digest":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","size":1},"layers":[{"digest":"sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","size":1}]}'
[[servers.registry.answer]]
path = "/v2/team/app/blobs/*"
delay_ms = 700
status = 503
[expect]
verdict = "unknown"
"#;

#[test]
fn a_daemon_and_a_client_that_hang_cost_their_time_once() {
    for behind in [Behind::Silent, Behind::Drips(b"HTTP/1.1 200 OK\r\nA: b")] {
        let socket = Socket::new(behind);
        let home = socket.folder();
        let path = client::prepare(home, "");
        let program = home.join("docker");
        std::fs::write(&program, "#!/bin/sh\nexec sleep 600\n").expect("written");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, executable).expect("a program");
        let url = socket.url();
        let variables = [("DOCKER_HOST", url.as_str()), ("PATH", path.as_str())];
        let stage = stage(SLOW);
        let started = Instant::now();
        let output = set(&mut running(), home, &variables)
            .args(["check", "--format", "json", "--as", "docker"])
            .args(["--timeout", "1"])
            .arg(&stage.image)
            .output()
            .expect("runs");
        let took = started.elapsed();
        let checked = of_output(&output);
        assert_eq!(checked.row()["saw"], "daemon-silent", "{}", checked.out);
        let hops = checked.report["hops"].as_array().expect("hops");
        let has = |hop: &str| hops.iter().any(|row| row["hop"] == hop);
        assert!(has("layer"), "{}", checked.out);
        // A second for a machine that does other things too.
        assert!(took < Duration::from_secs(u64::from(WALK) + 1), "{took:?}");
    }
}
