//! Distances between the places where clusters are run.

use crate::dials::{Dials, Latency};
use core::time::Duration;
use synod_core::NodeId;

/// A region of a cloud, by what it takes to get there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Region {
    /// North Virginia, us-east-1.
    Virginia,
    /// North California, us-west-1.
    California,
    /// us-west-2.
    Oregon,
    /// eu-west-1.
    Ireland,
    /// eu-central-1.
    Frankfurt,
    /// ap-northeast-1.
    Tokyo,
    /// ap-southeast-1.
    Singapore,
    /// ap-southeast-2.
    Sydney,
    /// sa-east-1.
    SaoPaulo,
}

/// Average round trips between regions of Amazon's EC2 in hundredths of a millisecond, as measured in 2016 ("Latency Between AWS
/// Global Regions", the table as quoted in "AWS Regions", A Computer Scientist Learns AWS, April 2017): each region's to those after it.
const ROUND_TRIPS: [&[u64]; 8] = [
    &[7_274, 8_698, 8_055, 8_866, 14_530, 21_670, 23_000, 11_950],
    &[1_946, 15_320, 16_660, 10_250, 17_400, 15_750, 19_270],
    &[13_700, 15_950, 8_910, 16_140, 16_220, 18_270],
    &[1_956, 21_240, 23_900, 30_960, 19_130],
    &[23_650, 32_590, 32_350, 19_490],
    &[7_379, 10_390, 25_680],
    &[17_530, 32_810],
    &[32_250],
];

impl Region {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let near = [Self::Virginia, Self::California, Self::Oregon, Self::Ireland, Self::Frankfurt];
        near.into_iter().chain([Self::Tokyo, Self::Singapore, Self::Sydney, Self::SaoPaulo])
    }

    /// The average round trip between two regions, in 2016; none within one.
    #[must_use]
    pub fn round_trip(self, other: Self) -> Duration {
        let (low, high) = (self.min(other) as usize, self.max(other) as usize);
        let place = high.checked_sub(low + 1);
        let measured = place.and_then(|place| ROUND_TRIPS.get(low)?.get(place));
        Duration::from_micros(measured.copied().unwrap_or(0) * 10)
    }
}

impl Dials {
    /// Puts nodes into regions: a message from one to another takes half of the average [round trip](Region::round_trip) between them, give
    /// or take a twentieth. Within a region it takes what it took before.
    ///
    /// ```
    /// use core::time::Duration;
    /// use synod_core::NodeId;
    /// use synod_sim::{Dials, Region};
    ///
    /// let places = [(NodeId(1), Region::Virginia), (NodeId(2), Region::Ireland), (NodeId(3), Region::Tokyo)];
    /// let dials = Dials::calm().regions(places);
    /// let half = dials.latency_between(NodeId(1), NodeId(2)).sample(1 << 63);
    /// assert_eq!(half / 1_000, 40_275);
    /// ```
    #[must_use]
    pub fn regions(mut self, places: impl IntoIterator<Item = (NodeId, Region)>) -> Self {
        let places: Vec<_> = places.into_iter().collect();
        for (from, here) in &places {
            for (to, there) in &places {
                let half = here.round_trip(*there) / 2;
                if !half.is_zero() {
                    let about = Latency::Uniform(half - half / 20, half + half / 20);
                    self.links.insert((*from, *to), about);
                }
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_a_distance() {
        for here in Region::all() {
            for there in Region::all() {
                let way = here.round_trip(there);
                assert_eq!(way, there.round_trip(here));
                assert_eq!(way.is_zero(), here == there, "{here:?} {there:?}");
            }
        }
        assert_eq!(Region::SaoPaulo.round_trip(Region::Sydney), Duration::from_micros(322_500));
        assert_eq!(Region::Oregon.round_trip(Region::California), Duration::from_micros(19_460));
    }
}
