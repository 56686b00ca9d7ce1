//! The work that every contestant does, and what it must have done.

/// Entries in a run.
pub(crate) const ENTRIES: u64 = 200_000;
/// Each node drops what it has applied after so many entries.
pub(crate) const COMPACT_EVERY: u64 = 16_384;

/// Three voters in one thread that pass their messages by hand. The log is in memory, and durable as soon as it is written.
pub(crate) trait Contestant {
    /// Three voters with a leader.
    fn start() -> Self;
    /// The leader is asked to replicate this.
    fn propose(&mut self, payload: Vec<u8>);
    /// Messages are delivered until there are none; all three apply what is committed.
    fn settle(&mut self);
    /// What each node has applied.
    fn applied(&self) -> [Applied; 3];
    /// How many messages nodes have sent to each other.
    fn messages(&self) -> u64;
    /// How many bytes these had; 0 where they were not encoded.
    fn bytes(&self) -> u64 {
        0
    }
}

/// What a node has applied: how many entries, and a checksum that notices a wrong order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) entries: u64,
    checksum: u64,
}

impl Applied {
    pub(crate) fn apply(&mut self, payload: &[u8]) {
        let word = payload.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
        self.checksum = self.checksum.rotate_left(5) ^ word;
        self.entries += 1;
    }
}

/// The payload of an entry: on the heap, and different in each.
pub(crate) fn payload(entry: u64, length: usize) -> Vec<u8> {
    let mut payload = vec![entry as u8; length];
    if let Some(head) = payload.first_chunk_mut() {
        *head = entry.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    }
    payload
}

/// Runs `entries` in bursts of `window`, each settled before the next, and checks that all three have applied all of them in order.
pub(crate) fn run<C: Contestant>(cluster: &mut C, entries: u64, window: u64, length: usize) {
    let before = cluster.applied();
    let mut next = 0;
    while next < entries {
        let end = entries.min(next + window);
        for entry in next..end {
            cluster.propose(payload(entry, length));
        }
        cluster.settle();
        next = end;
    }
    for (before, after) in before.into_iter().zip(cluster.applied()) {
        let mut expected = before;
        (0..entries).for_each(|entry| expected.apply(payload_head(entry).as_slice()));
        assert_eq!(after, expected, "not everything was applied, or not in order");
    }
}

/// What the checksum sees of a payload.
fn payload_head(entry: u64) -> [u8; 8] {
    entry.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()
}
