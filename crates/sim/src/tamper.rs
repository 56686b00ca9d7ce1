//! What an unauthenticated transport lets through.

/// What an attacker, or a bad cable, does to messages on their way. All in a million messages.
///
/// ```
/// use synod_sim::{Dials, Guard, Tamper};
/// let mut dials = Dials::calm();
/// dials.tamper = Tamper { replay_ppm: 10_000, ..Tamper::default() };
/// dials.guard = Guard::Checksum; // stops accidents, not attackers
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tamper {
    /// One to three bits of the encoded message flip. What still decodes arrives as what it says now.
    pub corrupt_ppm: u32,
    /// The encoded message is cut off somewhere.
    pub truncate_ppm: u32,
    /// One of the last [`RECENT`](Tamper::RECENT) messages of the link arrives once more, after this one.
    pub replay_ppm: u32,
    /// A copy arrives that claims to come from a third node.
    pub forge_ppm: u32,
}

impl Tamper {
    /// How many messages of a link an attacker remembers.
    pub const RECENT: usize = 32;

    pub(crate) const fn is_on(self) -> bool {
        self.corrupt_ppm > 0 || self.truncate_ppm > 0 || self.replay_ppm > 0 || self.forge_ppm > 0
    }
}

/// What the transport checks before it hands a message on. Whatever it stops is counted as
/// [`refused`](crate::Stats::refused).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guard {
    /// Nothing: whatever decodes is believed.
    #[default]
    None,
    /// A checksum on each message. It stops corruption and truncation; whoever replays or forges computes it anew.
    Checksum,
    /// Each message is bound to its sender, its receiver and its place in their conversation, as in TLS with certificates on both
    /// sides: it stops corruption, truncation, replay, forgery, and messages that reach the wrong node.
    Authenticated,
}

/// Flips one to three bits, as the draw says.
pub(crate) fn flip(bytes: &mut [u8], draw: u64) {
    let bits = bytes.len() as u64 * 8;
    let mut draw = draw;
    for _ in 0..=draw % 3 {
        draw = synod_core::SplitMix64::mix(draw);
        let bit = crate::tape::scale(draw, bits);
        if let Some(byte) = bytes.get_mut((bit / 8) as usize) {
            *byte ^= 1 << (bit % 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flip_changes_one_to_three_bits_somewhere() {
        let mut seen = [0_u32; 4];
        for draw in 0..3_000 {
            let mut bytes = [0_u8; 16];
            flip(&mut bytes, draw);
            let changed: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
            seen[changed as usize] += 1;
        }
        // Two flips of the same bit undo each other, once in 128 times.
        assert!(seen[1] > 950 && seen[2] > 900 && seen[3] > 900 && seen[0] < 30, "{seen:?}");
        flip(&mut [], 7);
    }
}
