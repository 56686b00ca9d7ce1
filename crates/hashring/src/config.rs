//! A placement as configuration: a line of text that two processes exchange in order to agree on every owner.

use crate::placement::Placement;
use crate::{
    Anchor, Cluster, Dx, HashFn, HashFnError, Jump, JumpBack, Maglev, Memento, MultiProbe, NodeIx,
    PlacementError, Rendezvous, Ring, Slots, Straw2, Vnodes,
};
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

/// An algorithm with its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// [`Ring`]: points for each unit of weight.
    Ring(Vnodes),
    /// [`MultiProbe`]: points for each unit of weight, and probes.
    MultiProbe(Vnodes, u32),
    /// [`Rendezvous`].
    Rendezvous,
    /// [`Jump`].
    Jump,
    /// [`JumpBack`].
    JumpBack,
    /// [`Maglev`]: the size of its table.
    Maglev(u32),
    /// [`Anchor`]: its capacity.
    Anchor(u32),
    /// [`Memento`].
    Memento,
    /// [`Dx`]: its capacity.
    Dx(u32),
    /// [`Straw2`].
    Straw2,
    /// [`Slots`]: how many.
    Slots(u32),
}

/// An algorithm and a hash function: with a cluster, all that decides who owns a key. (For [`Slots`], [`Anchor`], [`Memento`] and [`Dx`] of
/// a cluster that has changed, the history decides too: exchange the changes, or the table.)
///
/// ```
/// use synod_hashring::{Cluster, Config, Placement};
/// let config: Config = "ring:160 xxh64:7".parse()?;
/// let placement = config.place(Cluster::equal(5))?;
/// assert_eq!(config.to_string(), "ring:160 xxh64:7");
/// assert_eq!(placement.owner_of(b"user_123"), config.place(Cluster::equal(5))?.owner_of(b"user_123"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "String", into = "String"))]
#[non_exhaustive]
pub struct Config {
    /// Who chooses.
    pub algorithm: Algorithm,
    /// What makes positions of keys.
    pub hash: HashFn,
}

impl Config {
    /// This algorithm over that hash function.
    #[must_use]
    pub const fn new(algorithm: Algorithm, hash: HashFn) -> Self {
        Self { algorithm, hash }
    }

    /// The placement of this cluster.
    ///
    /// # Errors
    /// Whatever the algorithm refuses.
    pub fn place(self, cluster: Cluster) -> Result<Placed, PlacementError> {
        let hash = self.hash;
        Ok(match self.algorithm {
            Algorithm::Ring(vnodes) => Placed::Ring(Ring::new(cluster, vnodes, hash)?),
            Algorithm::MultiProbe(points, probes) => {
                Placed::MultiProbe(MultiProbe::new(cluster, points, probes, hash)?)
            }
            Algorithm::Rendezvous => Placed::Rendezvous(Rendezvous::new(cluster, hash)?),
            Algorithm::Jump => Placed::Jump(Jump::new(cluster, hash)?),
            Algorithm::JumpBack => Placed::JumpBack(JumpBack::new(cluster, hash)?),
            Algorithm::Maglev(size) => Placed::Maglev(Maglev::new(cluster, size, hash)?),
            Algorithm::Anchor(capacity) => Placed::Anchor(Anchor::new(cluster, capacity, hash)?),
            Algorithm::Memento => Placed::Memento(Memento::new(cluster, hash)?),
            Algorithm::Dx(capacity) => Placed::Dx(Dx::new(cluster, capacity, hash)?),
            Algorithm::Straw2 => Placed::Straw2(Straw2::new(cluster, hash)?),
            Algorithm::Slots(count) => Placed::Slots(Slots::new(cluster, count, hash)?),
        })
    }
}

impl Default for Config {
    /// `ring:160 splitmix64:0`.
    fn default() -> Self {
        Self::new(Algorithm::Ring(Vnodes::default()), HashFn::default())
    }
}

/// A configuration that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// An algorithm that nobody knows, or parameters that it does not take.
    #[error(
        "no algorithm is called `{0}`: there are ring:POINTS[/UNIT], multi-probe:POINTS:PROBES, rendezvous, jump, jump-back, maglev:SIZE, anchor:CAPACITY, memento, dx:CAPACITY, straw2 and slots:COUNT"
    )]
    Algorithm(String),
    /// A hash function that nobody knows.
    #[error(transparent)]
    HashFn(#[from] HashFnError),
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, self.hash)
    }
}

impl FromStr for Config {
    type Err = ConfigError;

    /// An algorithm, and a hash function where it is not the default.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let (algorithm, hash) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let hash = match hash.trim() {
            "" => HashFn::default(),
            hash => hash.parse()?,
        };
        Ok(Self::new(algorithm.parse()?, hash))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ring(vnodes) => write!(f, "ring:{vnodes}"),
            Self::MultiProbe(points, probes) => write!(f, "multi-probe:{points}:{probes}"),
            Self::Rendezvous => f.write_str("rendezvous"),
            Self::Jump => f.write_str("jump"),
            Self::JumpBack => f.write_str("jump-back"),
            Self::Maglev(size) => write!(f, "maglev:{size}"),
            Self::Anchor(capacity) => write!(f, "anchor:{capacity}"),
            Self::Memento => f.write_str("memento"),
            Self::Dx(capacity) => write!(f, "dx:{capacity}"),
            Self::Straw2 => f.write_str("straw2"),
            Self::Slots(count) => write!(f, "slots:{count}"),
        }
    }
}

impl FromStr for Algorithm {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let unknown = || ConfigError::Algorithm(text.chars().take(64).collect());
        let number = |text: &str| text.parse::<u32>().map_err(|_| unknown());
        let vnodes = |text: &str| -> Result<Vnodes, ConfigError> {
            let (points, unit) = text.split_once('/').unwrap_or((text, "1"));
            let unit = unit.parse::<u64>().ok().filter(|unit| *unit > 0).ok_or_else(unknown)?;
            Ok(Vnodes::each(number(points)?).per(unit))
        };
        let mut parts = text.splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("ring"), None, None) => Ok(Self::Ring(Vnodes::default())),
            (Some("ring"), Some(points), None) => Ok(Self::Ring(vnodes(points)?)),
            (Some("multi-probe"), None, None) => Ok(Self::MultiProbe(Vnodes::each(1), 21)),
            (Some("multi-probe"), Some(points), Some(probes)) => {
                Ok(Self::MultiProbe(vnodes(points)?, number(probes)?))
            }
            (Some("rendezvous"), None, None) => Ok(Self::Rendezvous),
            (Some("jump"), None, None) => Ok(Self::Jump),
            (Some("jump-back"), None, None) => Ok(Self::JumpBack),
            (Some("maglev"), None, None) => Ok(Self::Maglev(65_537)),
            (Some("maglev"), Some(size), None) => Ok(Self::Maglev(number(size)?)),
            (Some("anchor"), Some(capacity), None) => Ok(Self::Anchor(number(capacity)?)),
            (Some("memento"), None, None) => Ok(Self::Memento),
            (Some("dx"), Some(capacity), None) => Ok(Self::Dx(number(capacity)?)),
            (Some("straw2"), None, None) => Ok(Self::Straw2),
            (Some("slots"), None, None) => Ok(Self::Slots(16_384)),
            (Some("slots"), Some(count), None) => Ok(Self::Slots(number(count)?)),
            _ => Err(unknown()),
        }
    }
}

impl TryFrom<String> for Config {
    type Error = ConfigError;

    fn try_from(text: String) -> Result<Self, ConfigError> {
        text.parse()
    }
}

impl From<Config> for String {
    fn from(config: Config) -> Self {
        alloc::format!("{config}")
    }
}

macro_rules! placed {
    ($($name:ident),+) => {
        /// A placement whose algorithm is known at run time only. Made by [`Config::place`]. A look-up pays a branch for it.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Placed {
            $(
                #[doc = concat!("A [`", stringify!($name), "`](crate::", stringify!($name), ").")]
                $name($name),
            )+
        }

        impl Placement for Placed {
            fn cluster(&self) -> &Cluster {
                match self { $(Self::$name(inner) => inner.cluster(),)+ }
            }

            fn hash_fn(&self) -> HashFn {
                match self { $(Self::$name(inner) => inner.hash_fn(),)+ }
            }

            #[inline]
            fn place(&self, position: u64) -> NodeIx {
                match self { $(Self::$name(inner) => inner.place(position),)+ }
            }

            fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
                match self { $(Self::$name(inner) => Walk::$name(inner.candidates(position)),)+ }
            }
        }

        /// The candidates of any of them.
        enum Walk<$($name),+> { $($name($name)),+ }

        impl<$($name: Iterator<Item = NodeIx>),+> Iterator for Walk<$($name),+> {
            type Item = NodeIx;

            fn next(&mut self) -> Option<NodeIx> {
                match self { $(Self::$name(inner) => inner.next(),)+ }
            }
        }
    };
}

placed!(Ring, MultiProbe, Rendezvous, Jump, JumpBack, Maglev, Anchor, Memento, Dx, Straw2, Slots);
