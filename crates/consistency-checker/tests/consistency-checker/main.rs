//! The judge of histories: its readers, its budgets, and its verdicts beside an oracle and on what real systems did.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    reason = "a test fails by panicking"
)]

mod budgets;
mod corpus;
mod judge;
mod readers;
