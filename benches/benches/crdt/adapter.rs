//! The law kit on the peer's types.

pub(super) fn run() -> String {
    String::new()
}
