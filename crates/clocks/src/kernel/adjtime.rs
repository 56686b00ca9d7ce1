//! One system call that no maintained crate wraps safely without a whole time daemon around it.
#![expect(
    unsafe_code,
    reason = "one call of the C library, which writes into a structure that is valid as all zeros"
)]

/// What the kernel says of its clock.
pub(super) struct Reading {
    pub(super) synchronised: bool,
    /// A leap second is announced for the end of this day (UTC), under way, or past while the announcement still stands.
    pub(super) leaping: bool,
    /// Nanoseconds since 1970; `None` before, and after 2554.
    pub(super) wall_ns: Option<u64>,
    /// The bound on its error, and what its resolution hides.
    pub(super) error_ns: u64,
}

/// Asks, and changes nothing. `None` where the call is forbidden.
pub(super) fn read() -> Option<Reading> {
    // SAFETY: the structure consists of integers, for each of which zero is a value. `modes: 0` asks, and sets nothing.
    let mut timex: libc::timex = unsafe { core::mem::zeroed() };
    // SAFETY: the pointer is to a structure of ours that lives through the call; the call keeps no pointer.
    let state = unsafe { libc::ntp_adjtime(&raw mut timex) };
    if state < 0 {
        return None;
    }
    let in_nanoseconds = timex.status & libc::STA_NANO != 0;
    // The field is called after microseconds, and holds nanoseconds in that mode.
    let (unit_ns, resolution_ns) = if in_nanoseconds { (1, 1) } else { (1_000, 1_000) };
    let fraction_ns = u64::try_from(timex.time.tv_usec).ok().and_then(|part| part.checked_mul(unit_ns));
    let wall_ns = u64::try_from(timex.time.tv_sec)
        .ok()
        .and_then(|seconds| seconds.checked_mul(1_000_000_000)?.checked_add(fraction_ns?));
    let error_ns = u64::try_from(timex.maxerror).unwrap_or(u64::MAX).saturating_mul(1_000);
    Some(Reading {
        synchronised: state != libc::TIME_ERROR && timex.status & libc::STA_UNSYNC == 0,
        leaping: matches!(state, libc::TIME_INS | libc::TIME_DEL | libc::TIME_OOP | libc::TIME_WAIT),
        wall_ns,
        error_ns: error_ns.saturating_add(resolution_ns),
    })
}
