//! The acceptor: promises and accepts, and never takes either back (sections 2.2 and 2.5 of the paper).

use crate::{Ballot, Illegal, Message, Paxos, Proposal, Record};
use synod_core::{Bytes, Context, NodeId, Sink, mutant};

impl Paxos {
    /// Phase 1b.
    pub(crate) fn on_prepare<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        ballot: Ballot,
        cx: &mut Context<'_, Self, S>,
    ) {
        if mutant!(ballot < self.promised, "promise-below-promise" => false) {
            return self.refuse(from, ballot, cx);
        }
        if ballot > self.promised {
            self.promise(ballot, cx);
        } else if !cx.settled() || self.accepted.as_ref().is_some_and(|accepted| accepted.ballot == ballot) {
            // Asked again. While the disk is busy the answer waits there already, and a second one would pile up; and whoever
            // has asked for acceptance does not need the promise any more.
            return;
        }
        let accepted = mutant!(
            self.accepted.clone(),
            "one-ballot-for-both" =>
                self.accepted.clone().map(|own| Proposal { ballot: self.promised, value: own.value }),
        );
        cx.send(from, Message::Promise { ballot, accepted });
        self.expect_decision(cx);
    }

    /// Phase 2b.
    pub(crate) fn on_accept<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        ballot: Ballot,
        value: Bytes,
        cx: &mut Context<'_, Self, S>,
    ) {
        if mutant!(ballot < self.promised, "accept-below-promise" => false) {
            return self.refuse(from, ballot, cx);
        }
        match &self.accepted {
            Some(accepted) if accepted.ballot == ballot && accepted.value != value => {
                return Self::illegal(from, Illegal::TwoValues, cx);
            }
            // Asked again: as for a promise.
            Some(accepted) if accepted.ballot == ballot && !cx.settled() => return,
            Some(accepted) if accepted.ballot == ballot => {}
            _ => self.accept(ballot, value, cx),
        }
        cx.send(from, Message::Accepted { ballot });
        self.expect_decision(cx);
    }

    fn refuse<S: Sink<Self> + ?Sized>(&self, from: NodeId, ballot: Ballot, cx: &mut Context<'_, Self, S>) {
        // Early: a refusal promises nothing. Should the promise that it names be lost in a crash, the proposer has only chosen
        // a higher ballot than it needed.
        cx.send_early(from, Message::Nack { ballot, promised: self.promised });
    }

    /// Takes part in nothing below `ballot` any more. The caller has made sure that it is higher than the last.
    pub(crate) fn promise<S: Sink<Self> + ?Sized>(&mut self, ballot: Ballot, cx: &mut Context<'_, Self, S>) {
        self.promised = ballot;
        self.places.0.promised = Some(cx.persist(Record::Promised { ballot }));
        self.release(cx);
    }

    /// Accepts. The caller has made sure that no higher ballot was promised.
    ///
    /// The acceptance is a promise as well: a node that was never asked for one, or asked for a lower one, must not take part in
    /// a lower ballot afterwards (`scylladb` 6139 kept the old promise).
    pub(crate) fn accept<S: Sink<Self> + ?Sized>(
        &mut self,
        ballot: Ballot,
        value: Bytes,
        cx: &mut Context<'_, Self, S>,
    ) {
        mutant!(self.promised = ballot, "accept-keeps-old-promise" => ());
        self.accepted = Some(Proposal { ballot, value: value.clone() });
        let at = cx.persist(mutant!(
            Record::Accepted { ballot, value },
            "acceptance-not-written" => Record::Promised { ballot },
        ));
        self.places.0.promised = None;
        self.places.0.accepted = Some(at);
        self.release(cx);
    }
}
