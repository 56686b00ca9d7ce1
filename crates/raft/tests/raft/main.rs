//! Whole clusters on benches: scripts, random schedules, the figures of the paper, and what other implementations got wrong.

mod cluster;
mod random;
mod safety;
mod scripts;
mod arbitrary;
mod wire;
mod bugs;
mod rewrite;
