//! Each dial alone, with what exactly it does.

mod builds;
mod costs;
mod courier;
mod links;
mod nodes;
mod tamper;
mod topology;
mod walls;
