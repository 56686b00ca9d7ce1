//! Each dial alone, with what exactly it does.
#![cfg(test)]

mod builds;
mod costs;
mod courier;
mod links;
mod tamper;
mod topology;
