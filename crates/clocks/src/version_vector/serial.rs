//! `serde`: a sequence of pairs, by actor, as in the byte form.

use super::VersionVector;
use crate::{Actor, Dot};
use alloc::vec::Vec;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

impl<A: Actor + Serialize> Serialize for VersionVector<A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de, A: Actor + Deserialize<'de>> Deserialize<'de> for VersionVector<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = Vec::<(A, u64)>::deserialize(deserializer)?;
        if !entries.is_sorted_by(|(left, _), (right, _)| left < right) {
            return Err(D::Error::custom("the actors of a version vector are not in strict order"));
        }
        let mut vector = Self::new();
        for (actor, counter) in entries {
            let dot = Dot::at(actor, counter).ok_or_else(|| D::Error::custom("a counter is zero"))?;
            vector.observe(dot);
        }
        Ok(vector)
    }
}
