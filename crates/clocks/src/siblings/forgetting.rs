//! Forgetting the servers that have left, so that a key does not name everybody who ever wrote it.

use super::Siblings;
use crate::{Actor, Dot};

/// Why a server's entry is not forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ForgetError {
    /// Values of the server live.
    #[error("{values} values of this server live: read them and write them anew at another server first")]
    Lives {
        /// How many.
        values: usize,
    },
    /// This replica knows of a later write.
    #[error(
        "write {known} of this server is known here, later than {agreed}, which was agreed to be its last: agree anew"
    )]
    Later {
        /// The counter of the dot that was given.
        agreed: u64,
        /// The server's last write, as far as this replica knows.
        known: u64,
    },
}

impl<A: Actor, V> Siblings<A, V> {
    /// The servers of which no value lives here, each with its last write: those that may be [forgotten](Self::forget), once all replicas
    /// agree.
    pub fn spent(&self) -> impl Iterator<Item = Dot<A>> {
        let spent = self.entries.iter().filter(|entry| entry.values.is_empty());
        spent.map(|entry| Dot::new(entry.actor, entry.count))
    }

    /// Forgets a server that has left for good, and whose last write was `last`. Says whether it was known.
    ///
    /// An entry without values is not idle: it keeps values that were replaced here from coming back with a replica that still has
    /// them. Whoever drops it by age or size breeds siblings that never end (riak_core #613). Nothing that a reader sees changes if:
    /// 1. `last` is the server's last write: nothing later is still under way, and its name never writes again, for that write would have
    ///    the dot of its first, which others hold to be replaced;
    /// 2. every replica of the key has found `last` among its [`spent`](Self::spent). That a replica merely knows of the write is not enough,
    ///    since a delete has no dot. Once found it stays so, for values only go: replicas may be asked one after the other;
    /// 3. no replica takes a value of the server from a state that is older than that, such as a late message or a backup. Let all
    ///    remember the names of those that have left, one list for all keys, and [expel](Self::expel) them from what arrives.
    ///
    /// Then replicas may forget whenever they like, in any order. One that has not yet, or a client's context that still names the server,
    /// brings the entry back without values: it replaces nothing and blocks nothing, and may be forgotten again. To be rid of it, expel it at
    /// the door, from contexts with [`VersionVector::forget`](crate::VersionVector::forget).
    ///
    /// Stores whose counters run over all keys of a server can drop such entries without asking (Gonçalves, Almeida, Baquero and Fonte,
    /// "Concise Server-Wide Causality Management for Eventually Consistent Data Stores", 2015); here they are counted for each key.
    ///
    /// ```
    /// use synod_clocks::{ForgetError, Siblings, VersionVector};
    /// let mut here = Siblings::new();
    /// let last = here.write("old", &VersionVector::new(), "milk")?;
    /// let mut there = here.clone();
    /// here.write("s1", &here.context(), "milk, eggs")?;
    ///
    /// // "old" is switched off. Here its value is replaced; there it lives, and must hear of that first.
    /// assert!(here.spent().eq([last]) && there.spent().eq([]));
    /// assert_eq!(there.forget(last), Err(ForgetError::Lives { values: 1 }));
    /// there.merge(&here);
    /// assert!(there.spent().eq([last]));
    ///
    /// assert_eq!((here.forget(last), there.forget(last)), (Ok(true), Ok(true)));
    /// assert!(here == there && here.values().eq([&"milk, eggs"]));
    /// # Ok::<(), synod_clocks::DotError>(())
    /// ```
    ///
    /// # Errors
    /// What this replica can see of 2: [`ForgetError::Lives`] and [`ForgetError::Later`]. Nothing changes then.
    pub fn forget(&mut self, last: Dot<A>) -> Result<bool, ForgetError> {
        let found = self.entries.binary_search_by_key(&last.actor, |entry| entry.actor);
        let Some((place, entry)) = found.ok().and_then(|place| Some((place, self.entries.get(place)?)))
        else {
            return Ok(false);
        };
        let (known, values) = (entry.count.get(), entry.values.len());
        if values > 0 {
            return Err(ForgetError::Lives { values });
        }
        if known > last.count() {
            return Err(ForgetError::Later { agreed: last.count(), known });
        }
        self.entries.remove(place);
        Ok(true)
    }

    /// Strikes a server and its values from a state that arrives, before it is merged. Says how many values went.
    ///
    /// Only for a server that all have agreed to [forget](Self::forget): then its values have been replaced everywhere, and a state that
    /// has them is an old one.
    pub fn expel(&mut self, actor: A) -> usize {
        let found = self.entries.binary_search_by_key(&actor, |entry| entry.actor);
        found.map_or(0, |place| self.entries.remove(place).values.len())
    }
}
