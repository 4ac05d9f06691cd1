//! Stores as engines write them, in folders of their own.

use std::fs;
use std::path::{Path, PathBuf};

use super::host::{Ground, Laying, Mount};
use super::need::Need;
use super::plan::{StoreKind, StorePlace, store_plan};
use super::present::{Presence, find};
use super::{Measured, Unpacked};
use crate::engine::{Engine, Environment};
use crate::hops::manifest::Blob;

/// A folder that goes with its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("pullwhy-store-{name}-{}", std::process::id()));
        // What an earlier run left behind.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("written");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // One that stays behind harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn digest(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

fn blob(letter: char, size: u64) -> Blob {
    Blob {
        digest: digest(letter),
        size,
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
        url: None,
    }
}

fn hex(letter: char) -> String {
    letter.to_string().repeat(64)
}

use Presence::{Absent, Packed, Unpacked as There};

#[test]
fn docker_has_a_layer_if_the_chain_up_to_it_is_there() {
    let folder = Folder::new("docker");
    let image = "image/overlay2";
    for (packed, plain) in [('a', '1'), ('b', '2'), ('c', '3')] {
        let file = format!(
            "{image}/distribution/diffid-by-digest/sha256/{}",
            hex(packed)
        );
        folder.put(&file, &digest(plain));
    }
    // printf 'sha256:1…1 sha256:2…2' | sha256sum
    let second = "9932074217c35353d2e03a3f5a86549f7c67bfeb0ba53e23d69f4d4c8f7958f5";
    let place = StorePlace::new(StoreKind::Docker, &folder.0);
    let layers = [blob('a', 10), blob('b', 10), blob('c', 10)];
    let presence = || find(&place, &layers).expect("a store").layers;
    assert_eq!(presence(), [Absent, Absent, Absent], "known, and not there");
    folder.put(&format!("{image}/layerdb/sha256/{}/size", hex('1')), "30");
    assert_eq!(presence(), [There, Absent, Absent]);
    folder.put(&format!("{image}/layerdb/sha256/{second}/size"), "30");
    // The third would be there by itself, on another layer.
    folder.put(&format!("{image}/layerdb/sha256/{}/size", hex('3')), "30");
    assert_eq!(presence(), [There, There, Absent]);
}

#[test]
fn containerd_has_a_blob_once_all_of_it_is_there() {
    let folder = Folder::new("containerd");
    let blobs = "io.containerd.content.v1.content/blobs/sha256";
    folder.put(&format!("{blobs}/{}", hex('a')), "0123456789");
    folder.put(&format!("{blobs}/{}", hex('b')), "01234");
    folder.put(
        "io.containerd.content.v1.content/ingest/x/data",
        "0123456789",
    );
    let place = StorePlace::new(StoreKind::Containerd, &folder.0);
    let layers = [blob('a', 10), blob('b', 10), blob('c', 10)];
    let found = find(&place, &layers).expect("a store");
    assert_eq!(found.layers, [Packed, Absent, Absent]);
    let need = Need::of(&place, &layers, Some(&found), None, Laying::default());
    assert_eq!((need.present, need.download, need.least), (1, 20, 20));
    assert_eq!(need.most, 20 + 50 + 25, "the first may be packed only");
    // Docker with containerd's store, below its own root.
    let inner = Folder::new("docker-containerd");
    let below = inner.0.join("containerd/daemon").join(blobs);
    fs::create_dir_all(&below).expect("a folder");
    fs::write(below.join(hex('c')), "0123456789").expect("written");
    let place = StorePlace::new(StoreKind::Docker, &inner.0);
    assert_eq!(
        find(&place, &layers).expect("a store").layers,
        [Absent, Absent, Packed]
    );
}

#[test]
fn podman_has_a_layer_that_was_made_of_the_same_bytes() {
    let folder = Folder::new("podman");
    let listed = format!(
        r#"[{{"id":"x","compressed-diff-digest":"{}","diff-digest":"{}","diff-size":9}},
            {{"id":"y","compressed-diff-digest":"{}","flags":{{"incomplete":true}}}}]"#,
        digest('a'),
        digest('1'),
        digest('b')
    );
    folder.put("overlay-layers/layers.json", &listed);
    let mut place = StorePlace::new(StoreKind::Containers, &folder.0);
    let layers = [blob('a', 10), blob('b', 10)];
    let found = find(&place, &layers).expect("a store");
    assert_eq!(found.layers, [There, Absent]);
    assert_eq!(found.drivers, ["overlay"]);
    place.driver = Some("vfs".to_owned());
    let found = find(&place, &layers).expect("a store");
    assert_eq!(found.layers, [Absent, Absent], "vfs does not see them");
    folder.put("overlay-layers/layers.json", "[{");
    place.driver = None;
    assert!(
        find(&place, &layers).is_err(),
        "a list that cannot be read is said"
    );
}

#[test]
fn need_is_counted_where_it_was_measured_and_vfs_copies_what_is_below() {
    let layers = [blob('a', 100), blob('b', 100), blob('a', 100)];
    let unpacked = |written, inodes| {
        Some(Unpacked {
            written,
            blocks: [0; 3],
            inodes,
            hard_links: 0,
        })
    };
    let measured = Measured {
        layers: vec![unpacked(300, 3), unpacked(50, 1), unpacked(300, 3)],
        ..Measured::default()
    };
    let mut place = StorePlace::new(StoreKind::Docker, "/x");
    let need = Need::of(&place, &layers, None, Some(&measured), Laying::default());
    assert!(need.counted);
    assert_eq!((need.download, need.unpacked, need.entries), (200, 650, 7));
    assert_eq!((need.least, need.most), (650, 850));
    place.driver = Some("vfs".to_owned());
    let need = Need::of(&place, &layers, None, Some(&measured), Laying::default());
    assert_eq!(need.unpacked, 300 + 350 + 650);
    let need = Need::of(&place, &layers, None, None, Laying::default());
    assert!(!need.counted);
    assert_eq!(need.least, 200, "what is packed takes no less");
}

#[test]
fn files_take_whole_blocks_and_hard_links_no_inodes_as_the_file_system_has_it() {
    let unpacked = Unpacked {
        written: 20_000,
        blocks: [1 << 20, 2 << 20, 4 << 20],
        inodes: 7,
        hard_links: 3000,
    };
    let measured = Measured {
        layers: vec![Some(unpacked)],
        ..Measured::default()
    };
    let place = StorePlace::new(StoreKind::Containers, "/x");
    for (kind, block, wanted) in [
        ("ext4", 4096, (4 << 20, 7)),
        ("ext4", 1024, (1 << 20, 7)),
        ("xfs", 512, (20_000, 7)),
        ("xfs", 65536, (4 << 20, 7)),
        ("tmpfs", 4096, (4 << 20, 3007)),
        ("btrfs", 4096, (20_000, 7)),
    ] {
        let mut ground = Ground::default();
        ground.space.block = block;
        ground.mount = Some(Mount {
            kind: kind.to_owned(),
            ..Mount::default()
        });
        let laying = ground.laying();
        let need = Need::of(&place, &[blob('a', 100)], None, Some(&measured), laying);
        assert_eq!((need.least, need.entries), wanted, "{kind}");
    }
}

#[test]
fn stores_are_where_the_engines_own_files_say() {
    let folder = Folder::new("plan");
    let environment = Environment {
        root: folder.0.clone(),
        home: Some("/home/u".into()),
        user: Some(0),
        ..Environment::default()
    };
    let roots = |engine: Option<Engine>, given: Option<&str>, environment: &Environment| {
        let plan = store_plan(engine, given.map(Path::new), environment);
        let all = plan.places.iter().map(|p| p.root.display().to_string());
        (all.collect::<Vec<_>>().join(" "), plan.certain)
    };
    let below = |path: &str| folder.0.join(path).display().to_string();
    assert_eq!(roots(None, None, &environment), (String::new(), true));
    assert_eq!(
        roots(Some(Engine::Docker), None, &environment),
        (below("var/lib/docker"), true),
        "the engine is named, so it is judged where it would begin"
    );
    folder.put(
        "etc/docker/daemon.json",
        r#"{"data-root":"/mnt/d","storage-driver":"vfs"}"#,
    );
    folder.put(
        "etc/containerd/config.toml",
        "version = 2\nroot = '/mnt/c'\n",
    );
    folder.put(
        "etc/containers/storage.conf",
        "[storage]\ndriver = 'overlay'\ngraphroot = '/mnt/p'\n",
    );
    for (engine, wanted) in [
        (Engine::Docker, "mnt/d"),
        (Engine::Containerd, "mnt/c"),
        (Engine::Podman, "mnt/p"),
    ] {
        assert_eq!(roots(Some(engine), None, &environment).0, below(wanted));
        assert_eq!(roots(Some(engine), Some("/own"), &environment).0, "/own");
    }
    folder.put(
        "etc/docker/daemon.json",
        r#"{"data-root":"/mnt/d","features":{"containerd-snapshotter":true}}"#,
    );
    let docker = || roots(Some(Engine::Docker), None, &environment).0;
    assert_eq!(
        docker(),
        below("mnt/d/containerd/daemon"),
        "as dockerd starts it"
    );
    folder.put("mnt/c/x", "x");
    assert_eq!(docker(), below("mnt/c"), "the host's containerd");
    let kind = store_plan(Some(Engine::Docker), None, &environment).places[0].kind;
    assert_eq!(kind, StoreKind::Containerd);
    folder.put("mnt/d/containerd/daemon/x", "x");
    assert_eq!(docker(), below("mnt/d/containerd/daemon"));
    // containerd's root where an import or its command line says it.
    let containerd = || roots(Some(Engine::Containerd), None, &environment).0;
    folder.put(
        "etc/containerd/config.toml",
        "version = 2\nimports = ['a.toml']\n",
    );
    folder.put("etc/containerd/a.toml", "root = '/mnt/i'\n");
    assert_eq!(containerd(), below("mnt/i"));
    let unit = "lib/systemd/system/containerd.service";
    folder.put("etc/own.toml", "version = 2\nroot = '/mnt/o'\n");
    folder.put(
        unit,
        "[Service]\nExecStart=/usr/bin/containerd -c /etc/own.toml\n",
    );
    assert_eq!(containerd(), below("mnt/o"));
    folder.put(
        unit,
        "[Service]\nExecStart=/usr/bin/containerd --root=/mnt/r\n",
    );
    assert_eq!(containerd(), below("mnt/r"));
    fs::remove_file(folder.0.join(unit)).expect("removed");
    folder.put("etc/docker/daemon.json", r#"{"userns-remap":"a"}"#);
    folder.put("etc/passwd", "a:x:7:7::/:/bin/sh\n");
    folder.put("etc/group", "a:x:7:\n");
    folder.put("etc/subuid", "a:100000:65536\n");
    folder.put("etc/subgid", "a:200000:65536\n");
    assert_eq!(docker(), below("var/lib/docker/100000.200000"));
    folder.put("etc/docker/daemon.json", r#"{"userns-remap":"root"}"#);
    assert_eq!(docker(), below("var/lib/docker/0.0"));
    let user = Environment {
        user: Some(1000),
        ..environment.clone()
    };
    let own = "/home/u/.local/share/containers/storage";
    assert_eq!(
        roots(Some(Engine::Podman), None, &user).0,
        own,
        "no root, no root's store"
    );
    // Two engines, and neither named: what is wrong with one need not concern the pull.
    for file in [
        "etc/docker/daemon.json",
        "etc/containerd/config.toml",
        "etc/containers/storage.conf",
    ] {
        fs::remove_file(folder.0.join(file)).expect("removed");
    }
    folder.put("var/lib/docker/engine-id", "x");
    folder.put(
        "var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db",
        "x",
    );
    assert_eq!(
        roots(None, None, &environment),
        (below("var/lib/docker"), true)
    );
    folder.put("var/lib/containers/storage/storage.lock", "");
    assert!(!roots(None, None, &environment).1);
    let kubelet = roots(Some(Engine::Kubelet), None, &environment);
    assert_eq!(
        kubelet.0,
        format!(
            "{} {}",
            below("var/lib/containerd"),
            below("var/lib/containers/storage")
        )
    );
}
