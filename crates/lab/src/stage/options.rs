//! What a walk among a scenario's servers is asked to do.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use pullwhy_probe::trust::{CertsDir, certs_plan};
use pullwhy_probe::{
    Engine, EngineProxy, Environment, IdRange, Options, Platform, ProxyEnvironment, Pull,
    StartLimit, StorePlan, auth_plan, engine_setup, store_plan,
};

use super::Stage;
use super::files::write;
use crate::Error;
use crate::dns::Dns;
use crate::encode::in_base64;
use crate::scenario::Scenario;

impl Stage {
    pub(super) fn options(
        &self,
        scenario: &Scenario,
        dns: &BTreeMap<String, Dns>,
        certificates: PathBuf,
    ) -> Result<Options, Error> {
        let folder = &self.folder.0;
        for (text, path) in [
            (&scenario.config, "docker/config.json"),
            (&scenario.auth_json, "run/containers/auth.json"),
            (&scenario.node_config, "var/lib/kubelet/config.json"),
            (&scenario.authfile, "given"),
        ] {
            if let Some(text) = text {
                write(&folder.join(path), &in_base64(&self.fill(text)))?;
            }
        }
        write(&folder.join("resolv.conf"), &scenario.resolv_conf)?;
        let engine = scenario.engine.as_deref();
        let engine = engine.and_then(|word| Engine::ALL.into_iter().find(|e| e.word() == word));
        let environment = Environment {
            docker_config: Some(folder.join("docker")),
            runtime: Some(folder.join("run")),
            home: Some(folder.join("home")),
            user: Some(scenario.user),
            root: folder.clone(),
            ..Environment::default()
        };
        let mut setup = engine.map(|engine| engine_setup(engine, &environment));
        if !scenario.certs_of_engine
            && let Some(setup) = &mut setup
        {
            setup.read_hosts_below(vec![certificates.clone()]);
        }
        let given = scenario.authfile.as_ref().map(|_| folder.join("given"));
        let proxy = scenario.proxy.as_ref().map(|text| self.fill(text));
        let creds = scenario.creds.as_deref().map(in_base64);
        let creds = creds.as_ref().and_then(|c| c.split_once(':'));
        let asked = scenario.resolvers.iter().filter_map(|name| dns.get(name));
        Ok(Options {
            timeout: Duration::from_millis(scenario.timeout_ms),
            platform: scenario
                .platform
                .as_deref()
                .and_then(Platform::parse)
                .unwrap_or(Platform {
                    os: "linux".to_owned(),
                    architecture: "amd64".to_owned(),
                    ..Platform::default()
                }),
            dns: asked.map(|server| server.address).next(),
            credentials: creds.map(|(u, p)| (u.to_owned(), p.to_owned())),
            auth: auth_plan(engine, given.as_deref(), &environment),
            engine,
            proxy: match setup.as_ref().and_then(|s| s.proxy.as_ref()) {
                Some(own) => EngineProxy::environment(own),
                None => ProxyEnvironment {
                    https: proxy.clone(),
                    http: proxy,
                    no: scenario.no_proxy.clone(),
                },
            },
            certs_dirs: match scenario.certs_dirs.as_slice() {
                [] if scenario.certs_of_engine => certs_plan(engine, &environment),
                [] => vec![CertsDir::given(certificates)],
                own => own
                    .iter()
                    .map(|name| CertsDir::given(folder.join(name)))
                    .collect(),
            },
            system_authorities: scenario.system_trusts.then(|| folder.join("system.crt")),
            now: scenario
                .now
                .map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)),
            etc: folder.clone(),
            name_servers: scenario
                .name_servers
                .iter()
                .filter_map(|name| Some(dns.get(name)?.address))
                .collect(),
            pull: scenario.pull.as_ref().map(|wish| Pull {
                total: wish
                    .total_ms
                    .map_or(Pull::default().total, Duration::from_millis),
                userns: match &wish.userns {
                    Some(range) => IdRange::parse(range),
                    None => setup.as_ref().and_then(|s| s.ids),
                },
                swell: wish.swell.unwrap_or(Pull::default().swell),
                layout: wish.keep.then(|| self.layout()),
            }),
            store: scenario.store.as_ref().map(|wish| StorePlan {
                system: PathBuf::from("/"),
                rate: wish.rate,
                limit: wish.start_limit.map(|seconds| StartLimit {
                    seconds,
                    named_by: "--start-limit".to_owned(),
                }),
                ..store_plan(engine, None, &environment)
            }),
            setup,
            ..Options::default()
        })
    }
}
