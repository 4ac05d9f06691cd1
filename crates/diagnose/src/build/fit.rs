//! Whether advice fits the address at hand: an address has no name to look up.

use std::net::IpAddr;

use pullwhy_catalogue::CauseIndex;
use pullwhy_catalogue::file::CauseFile;
use pullwhy_catalogue::{Catalogue, fill};
use pullwhy_ingest::facts::split_port;
use pullwhy_model::{Facts, Hop};

use super::advice::platforms;
use super::suits;

/// Programs that ask for the addresses of a name.
const LOOK_UP: [&str; 4] = ["nslookup", "dig", "host", "getent"];

/// The address of a host that is written as one; a port may follow.
pub(crate) fn address(host: &str) -> Option<IpAddr> {
    let around = ['[', ']', '\'', '"'];
    let bare = host.trim_matches(around);
    let (without_port, _) = split_port(bare);
    let mut forms = [bare, without_port].into_iter();
    forms.find_map(|text| text.trim_matches(around).parse().ok())
}

fn is_address(host: &str) -> bool {
    address(host).is_some()
}

/// Whether a text, or its command, would have an address looked up as if it were a name.
pub(super) fn asks_for_a_name(text: &str, command: Option<&str>, facts: &Facts) -> bool {
    let in_text = text.split('`').skip(1).step_by(2);
    in_text
        .chain(command)
        .any(|code| looks_up_an_address(Some(code), facts))
}

/// Whether a command, filled in, looks an address up as if it were a name.
fn looks_up_an_address(command: Option<&str>, facts: &Facts) -> bool {
    let Some(command) = command else {
        return false;
    };
    let filled = fill(command, facts, true);
    let mut parts = filled.split(['|', ';', '&', '\n']);
    parts.any(|part| {
        let mut words = part.split_whitespace().skip_while(|w| !LOOK_UP.contains(w));
        let program = words.next();
        // The first word that is no option is the name; a resolver may stand behind it.
        let mut words = words.filter(|w| !w.starts_with(['-', '+']) && !w.contains("hosts"));
        program.is_some() && words.next().is_some_and(is_address)
    })
}

/// The pages of a cause, but those about registries and platforms that the ones at hand are not.
pub(super) fn pages(file: &CauseFile, facts: &Facts, client: &str) -> Vec<String> {
    const ABOUT: [(&str, &str); 6] = [
        ("docs.docker.com/docker-hub/", "dockerhub"),
        ("access.redhat.com/solutions/6218921", "quay"),
        ("/azure/container-registry/", "acr"),
        ("docs.aws.amazon.com/AmazonECR", "ecr"),
        ("cloud.google.com/artifact-registry", "gar"),
        ("/container_registry/", "gitlab"),
    ];
    let fits = |url: &str| {
        let about = ABOUT.iter().find(|(part, _)| url.contains(part));
        about.is_none_or(|(_, kind)| suits(&[(*kind).to_owned()], facts))
    };
    let own = platforms(client, facts);
    let runs_there = |about: &[String]| {
        about.is_empty() || own.is_empty() || about.iter().any(|p| own.contains(&p.as_str()))
    };
    let all = file.references.iter();
    all.filter(|page| fits(&page.url) && runs_there(&page.platform))
        .map(|page| page.url.clone())
        .collect()
}

/// Whether a cause can be behind a failure with the host that the log names.
pub(super) fn can_be(catalogue: &Catalogue, cause: CauseIndex, facts: &Facts) -> bool {
    let host = facts.get("host").or_else(|| facts.get("registry"));
    let by_name = catalogue.at(cause).file.hop == Hop::Dns;
    !(by_name && host.is_some_and(|h| is_address(&h.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_clouds_are_left_out() {
        let catalogue = Catalogue::built_in().expect("the catalogue is whole");
        let file = &catalogue.get("auth/access-denied").expect("there").file;
        let mut facts = Facts::new();
        let all = pages(file, &facts, "docker").len();
        facts.insert("aws_account".to_owned(), "123456789012".into());
        let left = pages(file, &facts, "docker");
        assert!(
            left.len() < all && left[0].contains("AmazonECR"),
            "{left:?}"
        );
    }

    #[test]
    fn pages_of_app_service_are_for_its_clients() {
        let catalogue = Catalogue::built_in().expect("the catalogue is whole");
        let file = &catalogue
            .get("network/connect-timeout")
            .expect("there")
            .file;
        let of = |client| pages(file, &Facts::new(), client);
        let about = |pages: Vec<String>| pages.iter().any(|p| p.contains("/app-service/"));
        assert!(about(of("appservice")) && about(of("unknown")));
        assert!(!about(of("gitlab-ci")) && !about(of("ecs")));
    }

    #[test]
    fn an_address_is_not_looked_up() {
        for (host, wanted) in [
            ("192.0.2.1", true),
            ("192.0.2.1:5000", true),
            ("[2001:db8::1]:5000", true),
            ("2001:db8::1", true),
            ("r.example", false),
            ("r.example:5000", false),
            ("1.example", false),
        ] {
            let mut facts = Facts::new();
            facts.insert("host".to_owned(), host.into());
            for command in [
                "nslookup {host}",
                "nslookup {host} 1.1.1.1",
                "kubectl debug node/n -- nslookup {host}",
                "getent hosts {host}",
            ] {
                let is = looks_up_an_address(Some(command), &facts);
                assert_eq!(is, wanted, "{command} {host}");
            }
            assert!(!looks_up_an_address(Some("curl {host}"), &facts));
            let text = "is it the address that `nslookup {host}` gives?";
            let command = Some("grep -n -F -e {host} /etc/hosts");
            assert_eq!(asks_for_a_name(text, command, &facts), wanted, "{host}");
        }
    }
}
