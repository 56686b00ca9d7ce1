//! The programs in `examples/` do what they say: each ends with assertions.

#[path = "../examples/config.rs"]
mod config;
#[path = "../examples/groups.rs"]
mod groups;
#[path = "../examples/ids.rs"]
mod ids;
#[path = "../examples/lock.rs"]
mod lock;
#[path = "../examples/workers.rs"]
mod workers;

use core::error::Error;

#[test]
fn a_resource_refuses_the_late_write_of_a_client_that_paused_beyond_its_lease() -> Result<(), Box<dyn Error>>
{
    lock::main()
}

#[test]
fn each_epoch_has_one_worker_and_the_work_of_an_old_one_is_refused() {
    workers::main();
}

#[test]
fn ids_are_unique_over_crashes_and_retries_and_no_block_is_lost() -> Result<(), Box<dyn Error>> {
    ids::main()
}

#[test]
fn a_watch_misses_nothing_and_is_told_when_it_came_too_late() -> Result<(), Box<dyn Error>> {
    config::main()
}

#[test]
fn idle_partitions_rest_and_those_of_a_dead_node_are_led_by_others() {
    groups::main();
}
