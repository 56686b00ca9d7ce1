//! Nodes on benches and whole clusters in the simulator: the cases of the paper, what other implementations got wrong, and
//! whatever else may come.
#![cfg(test)]

mod arbitrary;
mod cases;
mod cluster;
mod edges;
mod patience;
mod recovery;
mod safety;
mod simulated;
mod slots;
mod wire;
