//! What the process holds, as the operating system counts.

/// The bytes of memory that are resident now. `None` where the system does not tell: anywhere but on Linux.
pub(crate) fn resident_bytes() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_resident_set_is_read() {
        assert_eq!(parse("VmPeak:\t 9 kB\nVmRSS:\t    1234 kB\nThreads:\t1\n"), Some(1_263_616));
        for wrong in ["", "VmRSS: many kB", "VmRSS: 7", "VmRSS: 18446744073709551615 kB"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn linux_tells_and_it_is_more_than_nothing() {
        assert_eq!(resident_bytes().is_some_and(|bytes| bytes > 100_000), cfg!(target_os = "linux"));
    }
}
