//! b
#![forbid(unsafe_code)]
