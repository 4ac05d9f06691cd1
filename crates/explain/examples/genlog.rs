//! Writes a synthetic App Service log for benchmarks.
//!
//! `cargo run --release -p pullwhy-explain --example genlog -- BYTES FILE [SHARE]`; SHARE of the
//! lines are failed pulls (0.002 by default, 1 for a log of nothing else).

use std::fs::File;
use std::io::{BufWriter, Write};

const IMAGE: &str = "contoso.azurecr.io/shop/web:2026.11";
const FAILURES: [&str; 5] = [
    r#"Get \"https://contoso.azurecr.io/v2/shop/web/manifests/2026.11\": unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information."#,
    r#"manifest for contoso.azurecr.io/shop/web:2026.11 not found: manifest unknown: manifest tagged by \"2026.11\" is not found"#,
    r#"Get \"https://contoso.azurecr.io/v2/\": dial tcp: lookup contoso.azurecr.io on 168.63.129.16:53: no such host"#,
    r#"Get \"https://contoso.azurecr.io/v2/\": dial tcp 20.50.2.11:443: i/o timeout"#,
    r#"Get \"https://contoso.azurecr.io/v2/shop/web/manifests/2026.11\": denied: client with IP '20.50.2.11' is not allowed access. Refer https://aka.ms/acr/firewall to grant access."#,
];

/// xorshift64: the same log every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let bytes: f64 = arguments.next().ok_or("BYTES is missing")?.parse()?;
    let path = arguments.next().ok_or("FILE is missing")?;
    let share: f64 = arguments.next().map_or(Ok(0.002), |s| s.parse())?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut written = 0.0;
    while written < bytes {
        let line = line(&mut random, share);
        out.write_all(line.as_bytes())?;
        written += line.len() as f64;
    }
    Ok(out.flush()?)
}

fn line(r: &mut Random, share: f64) -> String {
    let time = format!(
        "2026-11-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        1 + r.below(28),
        r.below(24),
        r.below(60),
        r.below(60),
        r.below(1000)
    );
    if (r.below(1_000_000) as f64) < share * 1e6 {
        let message = FAILURES[r.below(5) as usize];
        return format!(
            "{time} ERROR - DockerApiException: Docker API responded with status code=InternalServerError, response={{\"message\":\"{message}\"}}\n"
        );
    }
    let layer = format!("{:012x}", r.below(1 << 48));
    match r.below(100) {
        0..55 => format!(
            "{time} INFO  - {layer} Extracting {}MB / 200MB\n",
            r.below(200)
        ),
        55..70 => format!(
            "{time} INFO  - {layer} Downloading {}MB / 200MB\n",
            r.below(200)
        ),
        70..78 => format!("{time} INFO  - {layer} Pull complete\n"),
        78..84 => format!("{time} INFO  - Pulling image: {IMAGE}\n"),
        84..90 => format!(
            "{time} INFO  - Waiting for response to warmup request for container web_0_{layer}. Elapsed time = {}.0638285 sec\n",
            r.below(100)
        ),
        90..96 => format!(
            "{time} INFO  - docker run -d --expose=80 --name web_0_{layer} -e WEBSITE_SITE_NAME=web -e PORT=80 -e WEBSITE_INSTANCE_ID={layer}{layer}{layer}{layer} {IMAGE}\n"
        ),
        _ => format!("{time} INFO  - Status: Image is up to date for {IMAGE}\n"),
    }
}
