//! Partitions on the move: every schedule of a small cluster, and large ones in a hostile world.
#![cfg(test)]

mod by_hand;
mod every_schedule;
mod planned;
mod simulated;
mod wire;
mod wrong;
