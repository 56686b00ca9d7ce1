//! What a failure can have known of: its causal past (Lamport 1978).

use crate::network::index;
use crate::script::FaultEvent;
use crate::trace::{Happening, Trace};
use std::collections::BTreeSet;
use synod_core::NodeId;

/// For each node, until when what happened there lies in the past of a failure. Only a guess at what matters: an observer sees
/// several nodes, and a message that did not arrive leaves no mark. So what lies outside is only tried to be left out.
pub(super) struct Past {
    until: Vec<Option<u64>>,
}

impl Past {
    /// The past of the end of this trace on `node`. One pass over the trace, backwards.
    pub(super) fn of(trace: &Trace, node: NodeId) -> Self {
        let mut until: Vec<Option<u64>> = vec![None; trace.nodes];
        let reach = |until: &mut Vec<Option<u64>>, id: NodeId, at: u64| {
            if let Some(place) = index(id).and_then(|place| until.get_mut(place)) {
                *place = (*place).max(Some(at));
            }
        };
        reach(&mut until, node, trace.end);
        let mut wanted = BTreeSet::new();
        for moment in trace.moments.iter().rev() {
            let own = index(moment.node).and_then(|place| until.get(place).copied().flatten());
            match &moment.what {
                Happening::Ended { id, fate } if fate.arrives() && own >= Some(moment.at) => {
                    wanted.insert(*id);
                }
                Happening::Sent { id, .. } if wanted.contains(id) => {
                    reach(&mut until, moment.node, moment.at);
                }
                _ => {}
            }
        }
        Self { until }
    }

    /// Whether the fault event may have left a trace in it.
    pub(super) fn saw(&self, fault: &FaultEvent) -> bool {
        let latest = self.until.iter().copied().max().flatten();
        match fault {
            FaultEvent::Hit(hit) => latest >= Some(hit.at),
            FaultEvent::Strike(strike) if strike.nodes.is_empty() => latest >= Some(strike.at),
            FaultEvent::Strike(strike) => strike.nodes.iter().any(|id| {
                index(*id).and_then(|place| self.until.get(place).copied().flatten()) >= Some(strike.at)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Fate, Moment};
    use crate::{Fault, Strike, Verdict};

    #[test]
    fn the_past_follows_messages_backwards() {
        let moment = |at, node, what| Moment { at, node: NodeId(node), what };
        let sent = |id, to| Happening::Sent { id, to: NodeId(to), text: String::new() };
        let ended = |id| Happening::Ended { id, fate: Fate::Delivered };
        // 3 tells 2, 2 tells 1, and later 3 tells 2 something that 1 never hears of.
        let moments = vec![
            moment(10, 3, sent(1, 2)),
            moment(20, 2, ended(1)),
            moment(30, 2, sent(2, 1)),
            moment(40, 1, ended(2)),
            moment(50, 3, sent(3, 2)),
            moment(60, 2, ended(3)),
        ];
        let trace = Trace {
            seed: 0,
            hash: 0,
            nodes: 4,
            window: 0..100,
            moments,
            strikes: Vec::new(),
            verdict: Verdict::Passed,
            end: 70,
        };
        let past = Past::of(&trace, NodeId(1));
        assert_eq!(past.until, [Some(70), Some(30), Some(10), None]);
        let crash = |node, at| {
            FaultEvent::Strike(Strike {
                fault: Fault::Crash,
                at,
                until: at,
                nodes: vec![NodeId(node)],
                bridge: None,
                detail: 0,
            })
        };
        assert!(past.saw(&crash(2, 30)) && past.saw(&crash(3, 5)) && past.saw(&crash(1, 69)));
        assert!(!past.saw(&crash(2, 31)) && !past.saw(&crash(3, 55)) && !past.saw(&crash(4, 1)));
    }
}
