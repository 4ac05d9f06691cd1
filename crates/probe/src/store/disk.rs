//! The room where engines keep images, whatever the image: what a whole machine is told of.

use pullwhy_model::text::size;

use super::{StorePlan, host};
use crate::setup::{Setting, Trouble};
use crate::trust::Source;

/// With less than that, nothing can be unpacked.
const NONE: u64 = 64 << 20;
/// With less than that, many an image does not fit.
const LITTLE: u64 = 1 << 30;
/// Files that a small image has.
const FILES: u64 = 1000;

/// A line for each folder that is there, and what is wrong with it.
pub fn look_at_disk(plan: &StorePlan) -> (Vec<Setting>, Vec<Trouble>) {
    let (mut lines, mut troubles) = (Vec::new(), Vec::new());
    for place in plan.places.iter().filter(|place| place.root.is_dir()) {
        let source = Source::file(&place.root);
        let Ok(ground) = host::ground(&place.root, &plan.system) else {
            continue;
        };
        let space = &ground.space;
        let kind = ground.mount.as_ref().map(|mount| mount.kind.clone());
        let mut value = format!("{} free of {}", size(space.free), size(space.size));
        value.extend(kind.map(|kind| format!(", {kind}")));
        value.extend(space.inodes.map(|left| format!(", {left} inodes left")));
        lines.push(Setting::new("images", value, &source));
        let mut trouble = |saw, stops, says: String| {
            troubles.push(Trouble {
                source: source.clone(),
                saw,
                says,
                stops,
            });
        };
        if space.read_only {
            let says = "the file system of the images is mounted read-only: no layer can be kept";
            trouble("read-only", true, says.to_owned());
        } else if space.utmost < LITTLE {
            let left = size(space.utmost);
            let says = format!(
                "{left} are left where images are kept; an image needs room twice while it is pulled"
            );
            trouble("no-room", space.utmost < NONE, says);
        } else if let Some(left) = space.inodes.filter(|left| *left < FILES) {
            let says = format!(
                "{left} inodes are left where images are kept; each file of an image takes one"
            );
            trouble("no-inodes", left == 0, says);
        }
    }
    (lines, troubles)
}
