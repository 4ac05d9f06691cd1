//! Scheme, host and port: where requests go.

use super::host_port;

/// Scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub https: bool,
    pub host: String,
    pub port: u16,
}

impl Origin {
    /// `host`, or `host:port` where the port is not the scheme's own.
    pub(crate) fn authority(&self) -> String {
        let own = if self.https { 443 } else { 80 };
        if self.port == own {
            host_port(&self.host, self.port)
                .trim_end_matches(&format!(":{own}"))
                .to_owned()
        } else {
            host_port(&self.host, self.port)
        }
    }

    /// `host:port`, always.
    pub(crate) fn target(&self) -> String {
        host_port(&self.host, self.port)
    }

    /// Where a `Location` leads (RFC 9110, 10.2.2). `plain`: this origin speaks plain HTTP.
    pub(crate) fn join(&self, path: &str, location: &str, plain: bool) -> Option<(Self, String)> {
        if location.is_empty() {
            return None;
        }
        let there = |url: &str| {
            let (origin, path) = Self::parse(url)?;
            Some((origin, without_dots(&path)))
        };
        // A path may hold a URL in its query.
        let scheme_ends = location.find("://");
        if scheme_ends.is_some_and(|at| !location[..at].contains(['/', '?', '#'])) {
            return there(location);
        }
        let scheme = if plain { "http" } else { "https" };
        if let Some(rest) = location.strip_prefix("//") {
            return there(&format!("{scheme}://{rest}"));
        }
        let here = path.split('?').next().unwrap_or_default();
        let folder = &here[..here.rfind('/').map_or(0, |at| at + 1)];
        let path = match location.as_bytes().first() {
            Some(b'/') => location.to_owned(),
            Some(b'?') => format!("{here}{location}"),
            _ => format!("{folder}{location}"),
        };
        let (_, path) = there(&format!("{scheme}://{}{path}", self.target()))?;
        Some((self.clone(), path))
    }

    /// Splits an absolute URL into its origin and its path with query.
    pub(crate) fn parse(url: &str) -> Option<(Self, String)> {
        let (scheme, rest) = url.split_once("://")?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let authority = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let (host, port) = super::split_host(authority, if https { 443 } else { 80 })?;
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        let bad = |c: char| c.is_control() || c == ' ';
        (!path.contains(bad) && !host.contains(bad)).then_some((
            Self {
                https,
                host: host.to_ascii_lowercase(),
                port,
            },
            path,
        ))
    }
}

/// A path without segments of dots (RFC 3986, 5.2.4); its query is as it was.
fn without_dots(path: &str) -> String {
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let mut kept: Vec<&str> = Vec::with_capacity(segments.len());
    for segment in &segments {
        match *segment {
            "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    // What ends in dots is a folder.
    let folder = matches!(segments.last(), Some(&("." | ".."))) && !kept.is_empty();
    let end = if folder { "/" } else { "" };
    format!("/{}{end}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_locations_of_every_form() {
        let (at, path) = Origin::parse("https://r.test/v2/a/blobs/x?y=1").expect("a URL");
        let to = |location: &str| {
            let (origin, path) = at.join(&path, location, false)?;
            Some(format!("{} {} {path}", origin.https, origin.target()))
        };
        for (location, wanted) in [
            ("/z?q", Some("true r.test:443 /z?q")),
            ("z", Some("true r.test:443 /v2/a/blobs/z")),
            ("?q=2", Some("true r.test:443 /v2/a/blobs/x?q=2")),
            ("//b.test:8/z", Some("true b.test:8 /z")),
            ("../../b/blobs/x", Some("true r.test:443 /v2/b/blobs/x")),
            (
                "../../../../../z?u=/a/../b",
                Some("true r.test:443 /z?u=/a/../b"),
            ),
            ("./z/.", Some("true r.test:443 /v2/a/blobs/z/")),
            ("/a/./b/../c", Some("true r.test:443 /a/c")),
            (
                "/z?to=https://b.test/",
                Some("true r.test:443 /z?to=https://b.test/"),
            ),
            (
                "z?to=https://b.test/",
                Some("true r.test:443 /v2/a/blobs/z?to=https://b.test/"),
            ),
            ("https://b.test/a/../z", Some("true b.test:443 /z")),
            ("/..", Some("true r.test:443 /")),
            ("http://b.test", Some("false b.test:80 /")),
            ("https://u:p@b.test/z#f", Some("true b.test:443 /z")),
            ("/z HTTP/1.1", None),
            ("ftp://b.test/", None),
            ("", None),
        ] {
            assert_eq!(to(location).as_deref(), wanted, "{location}");
        }
    }
}
