//! The programs in `examples/` do what they say: each ends with assertions.

#[path = "../../examples/commit_wait.rs"]
mod commit_wait;
#[path = "../../examples/concurrency.rs"]
mod concurrency;
#[path = "../../examples/last_writer_wins.rs"]
mod last_writer_wins;

#[test]
fn a_write_is_lost_by_the_wall_clock_and_kept_by_the_hybrid_one() {
    last_writer_wins::main();
}

#[test]
fn vectors_tell_what_lamport_clocks_cannot() {
    concurrency::main();
}

#[test]
fn commit_wait_puts_timestamps_in_the_order_of_real_time() {
    commit_wait::main();
}
