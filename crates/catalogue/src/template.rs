//! Filling `{fact}`s into texts and commands.

use std::borrow::Cow;

use pullwhy_model::Facts;

use crate::file::FACTS;

/// Fills the facts into a text. `{name}` falls back to its word in [`FACTS`], `{name|words}` to
/// `words`; `{{` and `}}` are braces. In a command (`shell`), a value that a shell would not read
/// as one plain word is quoted, so that a hostile log cannot put a second command into a fix.
pub fn fill(text: &str, facts: &Facts, shell: bool) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = rest.as_bytes()[at];
        let after = &rest[at + 1..];
        if after.as_bytes().first() == Some(&brace) {
            out.push(char::from(brace));
            rest = &after[1..];
            continue;
        }
        let Some(close) = after.find('}').filter(|_| brace == b'{') else {
            out.push(char::from(brace));
            rest = after;
            continue;
        };
        let (name, fallback) = match after[..close].split_once('|') {
            Some((name, words)) => (name, words),
            None => (&after[..close], fallback(&after[..close])),
        };
        let plain = name == "port" && fallback == "443" && ends_plain(&out);
        let fallback = if plain { "80" } else { fallback };
        rest = &after[close + 1..];
        if let Some(value) = value(name, facts)
            && out.ends_with("https://")
            && is_plain(&value, facts)
        {
            out.truncate(out.len() - "https://".len());
            out.push_str("http://");
        }
        let value = match value(name, facts) {
            Some(value) if out.ends_with("https://") => Some(api_host(&value, rest).to_owned()),
            value => value,
        };
        if name == "image" && shell && out.ends_with(INSPECT) && is_asked_plainly(facts) {
            out.push_str("--insecure ");
        }
        match value {
            Some(value) if shell => out.push_str(&shell_word(&value)),
            Some(value) => out.push_str(&value),
            None => out.push_str(fallback),
        }
    }
    out.push_str(rest);
    out
}

/// Asks TLS of a registry unless it is told otherwise.
const INSPECT: &str = "docker manifest inspect ";

/// Whether the image's registry was asked in plain HTTP.
fn is_asked_plainly(facts: &Facts) -> bool {
    let registry = facts.get("registry").map(ToString::to_string);
    registry.is_some_and(|registry| is_plain(&registry, facts))
}

/// A fact, or what is made of facts: `own_image` and `own_repository` are names that one can push
/// to, `familiar` is the repository as workloads write it, `local_repository` as the engine lists it, `proxy_url` the proxy or its address.
fn value(name: &str, facts: &Facts) -> Option<String> {
    let fact = |name: &str| facts.get(name).map(ToString::to_string);
    let hub = fact("registry").is_none_or(|r| ["docker.io", "index.docker.io"].contains(&&*r));
    // Nobody but Docker pushes to `library/`.
    let official = fact("repository")
        .as_deref()
        .and_then(|r| r.strip_prefix("library/"))
        .filter(|_| hub)
        .map(str::to_owned);
    let or = |name: &str| fact(name).unwrap_or_else(|| fallback(name).to_owned());
    match (name, official) {
        ("own_image", Some(name)) => Some(format!("YOUR_ACCOUNT/{name}:{}", or("tag"))),
        ("own_image", None) => fact("image"),
        ("own_repository", Some(name)) => Some(format!("YOUR_ACCOUNT/{name}")),
        ("familiar" | "local_repository", Some(name)) => Some(name),
        ("familiar", None) => fact("repository"),
        ("local_repository", None) if hub => fact("repository"),
        ("own_repository" | "local_repository", None) => {
            Some(format!("{}/{}", or("registry"), or("repository")))
        }
        ("proxy_url", _) => {
            let proxy = fact("proxy").or_else(|| fact("address"))?;
            let whole = proxy.contains("://");
            Some(if whole {
                proxy
            } else {
                format!("http://{proxy}")
            })
        }
        _ => fact(name),
    }
}

/// Whether an address in plain HTTP has just been written, up to its port.
fn ends_plain(out: &str) -> bool {
    let word = out.rsplit([' ', '\'', '"']).next().unwrap_or_default();
    word.starts_with("http://") && word.ends_with(':')
}

/// Whether a host was asked in plain HTTP, as the address that failed shows.
fn is_plain(host: &str, facts: &Facts) -> bool {
    let url = facts.get("url").map(ToString::to_string);
    let rest = url.as_deref().and_then(|u| u.strip_prefix("http://"));
    let authority = rest.and_then(|r| r.split(['/', '?', '#']).next());
    authority.is_some_and(|asked| {
        let name = asked.rsplit_once(':').map_or(asked, |(name, _)| name);
        [asked, name, name.trim_matches(['[', ']'])].contains(&host)
    })
}

/// The host of Docker Hub's API: `docker.io` is only a name in references. Where no path follows,
/// it is an address for logins.
fn api_host<'h>(host: &'h str, rest: &str) -> &'h str {
    match host {
        "docker.io" | "index.docker.io" if rest.is_empty() || rest.starts_with(' ') => {
            "index.docker.io"
        }
        "docker.io" | "index.docker.io" => "registry-1.docker.io",
        host => host,
    }
}

fn fallback(name: &str) -> &str {
    FACTS
        .iter()
        .find(|(fact, _)| *fact == name)
        .map_or(name, |(_, word)| word)
}

/// A value as one word of a POSIX shell: unchanged if harmless, else in single quotes.
pub fn shell_word(value: &str) -> Cow<'_, str> {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&b);
    if !value.is_empty() && !value.starts_with('-') && value.bytes().all(harmless) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(format!("'{}'", value.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_in_plain_http_is_asked_in_plain_http() {
        let mut facts = Facts::new();
        facts.insert("registry".to_owned(), "10.0.0.5:5000".into());
        facts.insert("host".to_owned(), "10.0.0.5".into());
        facts.insert("url".to_owned(), "http://10.0.0.5:5000/v2/".into());
        let command = "curl -sSI https://{registry}/v2/ https://auth.example/ https://{host}";
        assert_eq!(
            fill(command, &facts, true),
            "curl -sSI http://10.0.0.5:5000/v2/ https://auth.example/ http://10.0.0.5"
        );
        let with_port = fill("curl https://{host}:{port|443}/v2/", &facts, true);
        assert_eq!(with_port, "curl http://10.0.0.5:80/v2/");
        facts.insert("url".to_owned(), "https://10.0.0.5:5000/v2/".into());
        assert!(fill(command, &facts, true).contains("https://10.0.0.5:5000/v2/"));
        facts.insert("url".to_owned(), "http://other.example/v2/".into());
        assert!(fill(command, &facts, true).contains("https://10.0.0.5:5000/v2/"));
    }

    #[test]
    fn fills_facts_fallbacks_and_braces() {
        let facts = Facts::from([("host".to_owned(), "r.example".into())]);
        let filled = fill("{host} {tag} {tag|the tag} {{x}} { }", &facts, false);
        assert_eq!(filled, "r.example TAG the tag {x}  ");
    }

    #[test]
    fn commands_about_official_images_can_work() {
        let facts = |registry: &str, repository: &str| {
            Facts::from([
                (
                    "image".to_owned(),
                    format!("{registry}/{repository}:1").into(),
                ),
                ("registry".to_owned(), registry.into()),
                ("repository".to_owned(), repository.into()),
                ("tag".to_owned(), "1".into()),
            ])
        };
        let hub = facts("docker.io", "library/nginx");
        let own = facts("r.example", "library/nginx");
        for (template, of_hub, of_own) in [
            (
                "grep -F -e {familiar}",
                "grep -F -e nginx",
                "grep -F -e library/nginx",
            ),
            (
                "push {own_image}",
                "push YOUR_ACCOUNT/nginx:1",
                "push r.example/library/nginx:1",
            ),
            (
                "push {own_repository}:NEW",
                "push YOUR_ACCOUNT/nginx:NEW",
                "push r.example/library/nginx:NEW",
            ),
            (
                "curl https://{registry}:{port|443}/v2/",
                "curl https://registry-1.docker.io:443/v2/",
                "curl https://r.example:443/v2/",
            ),
            (
                "--url https://{registry} -x",
                "--url https://index.docker.io -x",
                "--url https://r.example -x",
            ),
            (
                "crane ls {registry}",
                "crane ls docker.io",
                "crane ls r.example",
            ),
        ] {
            assert_eq!(fill(template, &hub, true), of_hub);
            assert_eq!(fill(template, &own, true), of_own);
        }
    }

    #[test]
    fn a_proxy_is_named_with_its_scheme() {
        let proxy = |name: &str, value: &str| Facts::from([(name.to_owned(), value.into())]);
        let template = "-x {proxy_url|http://proxy.example:3128}";
        for (facts, expected) in [
            (
                proxy("proxy", "proxy.corp:3128"),
                "-x http://proxy.corp:3128",
            ),
            (
                proxy("proxy", "https://proxy.corp"),
                "-x https://proxy.corp",
            ),
            (proxy("address", "10.0.0.5:3128"), "-x http://10.0.0.5:3128"),
            (Facts::new(), "-x http://proxy.example:3128"),
        ] {
            assert_eq!(fill(template, &facts, true), expected);
        }
    }

    #[test]
    fn a_hostile_value_stays_one_word_of_a_command() {
        let facts = Facts::from([("host".to_owned(), "x; rm -rf '/'".into())]);
        assert_eq!(
            fill("ping {host}", &facts, true),
            r"ping 'x; rm -rf '\''/'\'''"
        );
    }
}
