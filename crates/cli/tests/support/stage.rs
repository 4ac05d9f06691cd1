//! The lab's servers, for a scenario that is written in the test.

use pullwhy_lab::scenario::Scenario;
use pullwhy_lab::stage::Stage;

/// Starts the servers of a scenario; they end when it is dropped.
pub(crate) fn stage(scenario: &str) -> Stage {
    let scenario: Scenario = toml::from_str(scenario).expect("a scenario");
    Stage::start(&scenario).expect("its servers")
}
