//! Users, groups and ranges that Docker wants for `userns-remap`.

use crate::Engine;
use crate::setup::engine_setup;
use crate::setup::tests::Root;

#[test]
fn whom_dockerd_remaps_to_must_be_there_with_a_range() {
    const PEOPLE: &str =
        "root:x:0:0::/:/bin/sh\na:x:1001:1001::/:/bin/sh\nb:x:1002:1002::/:/bin/sh\n";
    const GROUPS: &str = "root:x:0:\na:x:1001:\n";
    const RANGES: &str = "# theirs\na:100000:65536\nb:200000:65536\nghost:300000:65536\n";
    let made = format!("{PEOPLE}dockremap:x:990:990::/:/bin/false\n");
    let groups = format!("{GROUPS}dockremap:x:990:\n");
    // What stops dockerd, or the first id that it maps to.
    for (value, passwd, group, ranges, wanted) in [
        ("a", PEOPLE, GROUPS, RANGES, Ok(Some(100_000))),
        ("a:root", PEOPLE, GROUPS, RANGES, Ok(Some(100_000))),
        ("1001", PEOPLE, GROUPS, RANGES, Ok(Some(100_000))),
        ("b:1001", PEOPLE, GROUPS, RANGES, Ok(Some(200_000))),
        ("root", PEOPLE, GROUPS, "", Ok(None)),
        ("default", PEOPLE, GROUPS, RANGES, Ok(None)),
        ("default", PEOPLE, GROUPS, "dockremap:5:9", Ok(Some(5))),
        ("default", &made, &groups, "dockremap:5:9", Ok(Some(5))),
        (
            "default",
            &made,
            &groups,
            RANGES,
            Err("/etc/subuid has no range for dockremap"),
        ),
        (
            "default",
            &made,
            GROUPS,
            RANGES,
            Err("there is no group `dockremap`"),
        ),
        (
            "a",
            PEOPLE,
            GROUPS,
            "b:1:9",
            Err("/etc/subuid has no range for a"),
        ),
        (
            "ghost",
            PEOPLE,
            GROUPS,
            RANGES,
            Err("there is no user `ghost`"),
        ),
        (
            "1009",
            PEOPLE,
            GROUPS,
            RANGES,
            Err("there is no user `1009`"),
        ),
        ("b", PEOPLE, GROUPS, RANGES, Err("there is no group `b`")),
        (
            "1002",
            PEOPLE,
            GROUPS,
            RANGES,
            Err("there is no group `1002`"),
        ),
        (
            "a:nogrp",
            PEOPLE,
            GROUPS,
            RANGES,
            Err("there is no group `nogrp`"),
        ),
        ("a:", PEOPLE, GROUPS, RANGES, Err("there is no group ``")),
        (
            "a:b:c",
            PEOPLE,
            GROUPS,
            RANGES,
            Err("more than a user and a group"),
        ),
    ] {
        let file = format!("{{\n\"userns-remap\": \"{value}\"}}");
        let root = Root::new(&[
            ("etc/docker/daemon.json", &file),
            ("etc/passwd", passwd),
            ("etc/group", group),
            ("etc/subuid", ranges),
            ("etc/subgid", ranges),
        ]);
        let ids = engine_setup(Engine::Docker, &root.environment()).ids;
        let said = root.troubles(Engine::Docker);
        match wanted {
            Ok(first) => {
                assert_eq!(ids.map(|ids| ids.start), first, "{value}");
                assert!(said.is_empty(), "{value}: {said:#?}");
            }
            Err(words) => {
                assert_eq!(said.len(), 1, "{value}: {said:#?}");
                let tells = said[0].starts_with("true etc/docker/daemon.json:2: ");
                assert!(tells && said[0].contains(words), "{value}: {said:#?}");
            }
        }
        // Users may be somewhere else than in files: that is not for us to rule out.
        root.write(
            "etc/nsswitch.conf",
            "passwd: files sss\ngroup: files [NOTFOUND=return] sss\n",
        );
        let stops = root
            .troubles(Engine::Docker)
            .iter()
            .any(|t| t.starts_with("true "));
        let lacks_name = wanted.is_err_and(|words| words.contains("there is no"));
        assert_eq!(stops, wanted.is_err() && !lacks_name, "{value}");
    }
    for (line, told) in [
        ("c:5", true),
        ("c:5:6:7", true),
        ("c:x:y", false),
        ("a:x:65536", true),
        ("", false),
    ] {
        let ranges = format!("a:100000:65536\n{line}\n");
        let root = Root::new(&[
            ("etc/docker/daemon.json", r#"{"userns-remap": "a"}"#),
            ("etc/passwd", PEOPLE),
            ("etc/group", GROUPS),
            ("etc/subuid", &ranges),
            ("etc/subgid", "a:1:2"),
        ]);
        let said = root.troubles(Engine::Docker);
        let wanted = format!("false etc/subuid:2: `{line}` is no `user:first:count`");
        assert_eq!(
            said.iter().any(|t| t.starts_with(&wanted)),
            told,
            "{said:#?}"
        );
        assert_eq!(said.len(), usize::from(told), "{said:#?}");
    }
}
