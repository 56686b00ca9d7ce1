//! How each state was first reached, in two or three bytes a state.
//!
//! Breadth-first search finds the children of state 0, then those of state 1, and so on. So nobody needs to write down a
//! parent: the stream holds, for one expanded state after another, how many new states it led to, and for each of those its
//! place among the successors. A path is rebuilt by replaying those places from an initial state.

/// The stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    bytes: Vec<u8>,
    /// The new states of the state that is being expanded.
    open: Vec<u64>,
}

impl Links {
    /// The state that is being expanded led to a new one, as its successor number `ordinal`.
    pub(super) fn child(&mut self, ordinal: u64) {
        self.open.push(ordinal);
    }

    /// The next state is expanded from here on. The first call ends the initial states, which count as children of a state
    /// before all others.
    pub(super) fn close(&mut self) {
        push(&mut self.bytes, self.open.len() as u64);
        for ordinal in &self.open {
            push(&mut self.bytes, *ordinal);
        }
        self.open.clear();
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The places to take, from the choice among the initial states on, to reach the state that was found as number `state`.
    pub(super) fn path(mut self, state: u64) -> Vec<u64> {
        if !self.open.is_empty() {
            self.close();
        }
        // One pass over the stream gives every parent up to the state; then the way back is a walk.
        let mut parents: Vec<(u64, u64)> = Vec::new();
        let mut at = 0;
        let mut parent = 0;
        while (parents.len() as u64) <= state && at < self.bytes.len() {
            for _ in 0..pull(&self.bytes, &mut at) {
                parents.push((parent, pull(&self.bytes, &mut at)));
            }
            parent += 1;
        }
        // Parent 0 is the state before all others, so parent `n` is the state `n - 1`.
        let mut path = Vec::new();
        let mut child = Some(state);
        while let Some((parent, ordinal)) =
            child.and_then(|child| parents.get(usize::try_from(child).ok()?)).copied()
        {
            path.push(ordinal);
            child = parent.checked_sub(1);
        }
        path.reverse();
        path
    }
}

/// LEB128: seven bits a byte, the lowest first.
pub(super) fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads what [`push`] wrote; 0 at the end.
pub(super) fn pull(bytes: &[u8], at: &mut usize) -> u64 {
    let mut number = 0;
    let mut shift = 0;
    while let Some(byte) = bytes.get(*at) {
        *at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 || shift > 63 {
            break;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_back_from_the_counts() {
        // Two initial states (0, 1); 0 leads to 2 and 3, 1 to nothing new, 2 to 4, 3 to nothing, 4 is being expanded: 5.
        let mut links = Links::default();
        let families: [&[u64]; 5] = [&[0, 1], &[7, 300], &[], &[0], &[]];
        for family in families {
            family.iter().for_each(|ordinal| links.child(*ordinal));
            links.close();
        }
        links.child(9);
        let paths: Vec<Vec<u64>> = (0..6).map(|state| links.clone().path(state)).collect();
        let expected: [&[u64]; 6] = [&[0], &[1], &[0, 7], &[0, 300], &[0, 7, 0], &[0, 7, 0, 9]];
        assert_eq!(paths, expected);
    }

    #[test]
    fn numbers_of_every_length_come_back() {
        let numbers: Vec<u64> = (0..64).flat_map(|bit| [1 << bit, (1 << bit) - 1, u64::MAX >> bit]).collect();
        let mut bytes = Vec::new();
        numbers.iter().for_each(|number| push(&mut bytes, *number));
        let mut at = 0;
        assert!(numbers.iter().all(|number| pull(&bytes, &mut at) == *number));
        assert_eq!((at, pull(&bytes, &mut at)), (bytes.len(), 0));
    }
}
