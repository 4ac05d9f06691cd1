//! Units and drop-ins that systemd reads otherwise than one thinks, or not at all.

use crate::setup::engine_setup;
use crate::setup::tests::Root;
use crate::{Engine, ProxyEnvironment};

const UNIT: &str = "lib/systemd/system/docker.service";
const DROP_IN: &str = "etc/systemd/system/docker.service.d/a.conf";
const COMMAND: &str = "[Service]\nType=notify\nExecStart=/usr/bin/dockerd -H fd://\n";

fn proxy(root: &Root) -> ProxyEnvironment {
    let setup = engine_setup(Engine::Docker, &root.environment());
    setup.proxy.expect("a unit").environment()
}

#[test]
fn a_doubled_percent_sign_is_one() {
    let drop_in = "[Service]\nEnvironment=\"HTTPS_PROXY=http://us:p%%40ss@p.test:3128\"\n";
    let root = Root::new(&[
        (UNIT, COMMAND),
        (DROP_IN, drop_in),
        ("proc/7/comm", "dockerd\n"),
        ("proc/7/cmdline", "/usr/bin/dockerd\0"),
        (
            "proc/7/environ",
            "HTTPS_PROXY=http://us:p%40ss@p.test:3128\0",
        ),
    ]);
    let said = root.troubles(Engine::Docker);
    assert!(said.is_empty(), "the process has what it says: {said:#?}");
    std::fs::remove_dir_all(root.0.join("proc")).expect("removed");
    let wanted = "http://us:p%40ss@p.test:3128";
    assert_eq!(proxy(&root).https.as_deref(), Some(wanted));
}

#[test]
fn files_of_variables_go_before_the_units_own() {
    let file = "# a file\nHTTPS_PROXY=\"http://file.test\"\nexport NO_PROXY=b.test\n";
    for (lines, https) in [
        (
            "EnvironmentFile=/etc/proxy\nEnvironment=HTTPS_PROXY=http://unit.test",
            "http://file.test",
        ),
        (
            "Environment=HTTPS_PROXY=http://unit.test\nEnvironmentFile=-/etc/pro*\nEnvironmentFile=-/none",
            "http://file.test",
        ),
        (
            "EnvironmentFile=/etc/proxy\nEnvironment=HTTPS_PROXY=http://unit.test\nEnvironmentFile=",
            "http://unit.test",
        ),
        // Emptying the one does not empty the other.
        (
            "EnvironmentFile=/etc/proxy\nEnvironment=",
            "http://file.test",
        ),
    ] {
        let unit = format!("{COMMAND}{lines}\n");
        let root = Root::new(&[(UNIT, &unit), ("etc/proxy", file)]);
        let found = proxy(&root);
        assert_eq!(found.https.as_deref(), Some(https), "{lines}");
        assert_eq!(found.no, "", "{lines}");
        let exported = root.troubles(Engine::Docker);
        let tells = exported
            == [
                "false etc/proxy:3: begins with `export`: systemd passes over the line, and the service does not get the variable",
            ];
        assert_eq!(tells, https.contains("file"), "{lines}: {exported:#?}");
    }
}

#[test]
fn what_systemd_does_not_start_is_told_with_its_place() {
    for (drop_in, wanted) in [
        (
            "[Service]\nExecStart=/usr/bin/dockerd --debug\n",
            "etc/systemd/system/docker.service.d/a.conf:2: is a second `ExecStart`",
        ),
        (
            "[Service]\nExecStart=\n",
            "etc/systemd/system/docker.service.d/a.conf:2: leaves docker.service without any",
        ),
        (
            "[Service]\n\nEnvironmentFile=/etc/none\n",
            "etc/systemd/system/docker.service.d/a.conf:3: `EnvironmentFile`: there is no /etc/none",
        ),
        (
            "[Service]\nEnvironmentFile=/etc/none-*.env\n",
            "`EnvironmentFile`: there is no",
        ),
        ("[Service]\nExecStart=\nExecStart=/usr/bin/dockerd\n", ""),
        ("[Service]\nType=oneshot\nExecStart=/usr/bin/dockerd\n", ""),
        ("[Service]\nEnvironmentFile=-/etc/none\n", ""),
        (
            "[Service]\nEnvironmentFile=/etc/none\nEnvironmentFile=\n",
            "",
        ),
    ] {
        let root = Root::new(&[(UNIT, COMMAND), (DROP_IN, drop_in)]);
        let said = root.troubles(Engine::Docker);
        assert_eq!(said.len(), usize::from(!wanted.is_empty()), "{said:#?}");
        let tells = |s: &String| s.starts_with("true ") && s.contains(wanted);
        assert!(said.iter().all(tells), "{drop_in}: {said:#?}");
    }
}

#[cfg(unix)]
#[test]
fn a_masked_unit_hides_the_others() {
    for empty in [false, true] {
        let root = Root::new(&[
            (UNIT, COMMAND),
            (DROP_IN, "[Service]\nEnvironment=NO_PROXY=a\n"),
        ]);
        let mask = root.0.join("etc/systemd/system/docker.service");
        if empty {
            root.write("etc/systemd/system/docker.service", "");
        } else {
            std::os::unix::fs::symlink("/dev/null", mask).expect("a link");
        }
        let said = root.troubles(Engine::Docker);
        let wanted = "true etc/systemd/system/docker.service: is masked: systemd does not start it, and dockerd does not start";
        assert_eq!(said, [wanted]);
        assert!(
            engine_setup(Engine::Docker, &root.environment())
                .proxy
                .is_none()
        );
    }
}
