//! A run that can be stepped through, forward and backward.

use crate::network::node;
use crate::run::{Course, Sim, Verdict};
use crate::script::Script;
use crate::trace::{Happening, Moment, text};
use crate::workload::Workload;
use crate::world::{Pending, Simulated, World};
use core::fmt;
use std::collections::BTreeMap;
use synod_core::NodeId;

/// The run of a script, stopped at any of its events.
///
/// All events are known from the beginning, as [`lines`](Replay::lines); [`at`](Replay::at) shows the world as it is right after
/// one of them. Going back starts from a copy of the world that was kept, and runs to the moment from there: a step back costs
/// no more than one 64th of the run.
pub struct Replay<'a, P: Simulated, W> {
    lines: Vec<ReplayLine>,
    verdict: Verdict,
    hash: u64,
    course: Course<'a, P, W>,
    step: u64,
    kept: Vec<(u64, Course<'a, P, W>)>,
    keep_every: u64,
}

/// One event of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayLine {
    /// Virtual nanoseconds since the run began.
    pub at: u64,
    /// Where it happened; `None` for what concerns no single node.
    pub node: Option<NodeId>,
    /// What happened, in words.
    pub text: String,
    step: u64,
}

impl fmt::Display for ReplayLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = self.node.map_or_else(|| "--".to_owned(), |id| id.to_string());
        write!(f, "{}.{:09}s  {node:<4} {}", self.at / 1_000_000_000, self.at % 1_000_000_000, self.text)
    }
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InFlight {
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// When it arrives, in virtual nanoseconds since the run began.
    pub due: u64,
    /// The message as text.
    pub text: String,
}

/// At most so many copies of the world are kept.
const KEPT_MAX: u64 = 64;

impl<P: Simulated, W: Workload<P>> Sim<P, W> {
    /// Runs a script to be stepped through. `portrait` puts a node's state into a few words, as for [`trace`](Sim::trace).
    pub fn replay(&self, script: &Script, portrait: impl Fn(NodeId, &P) -> String) -> Replay<'_, P, W> {
        let (mut course, _) = self.course(script.tape(), 0..u64::MAX, Some(&portrait));
        let mut teller = Teller::default();
        let verdict = loop {
            teller.step += 1;
            let went = course.advance();
            teller.tell(&course);
            match went {
                Ok(true) => {}
                Ok(false) => break Verdict::Passed,
                Err(verdict) => break verdict,
            }
        };
        let at = course.world.now().0;
        teller.line(at, verdict.node(), format!("the run ends: {verdict}"));
        let (begin, _) = self.course(script.tape(), 0..0, None);
        Replay {
            lines: teller.lines,
            verdict,
            hash: course.world.hash(),
            kept: vec![(0, begin.clone())],
            course: begin,
            step: 0,
            keep_every: (teller.step / KEPT_MAX).max(256),
        }
    }
}

impl<P: Simulated, W: Workload<P>> Replay<'_, P, W> {
    /// All events of the run, in their order; the last is its end.
    #[must_use]
    pub fn lines(&self) -> &[ReplayLine] {
        &self.lines
    }

    /// How the run ends.
    #[must_use]
    pub const fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The hash of the whole run.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// The world right after the event `line`, or after the last one if there are not so many. (Several events of one moment may
    /// belong to one step, and then it is the world after all of them.)
    pub fn at(&mut self, line: usize) -> &World<P, W> {
        let step = self.lines.get(line).or(self.lines.last()).map_or(0, |line| line.step);
        if step < self.step {
            let before = self.kept.partition_point(|(kept, _)| *kept <= step);
            if let Some((kept, course)) = self.kept.get(before.saturating_sub(1)) {
                (self.step, self.course) = (*kept, course.clone());
            }
        }
        while self.step < step {
            self.step += 1;
            // How the run ends is known already.
            let _ = self.course.advance();
            if self.step.is_multiple_of(self.keep_every)
                && self.kept.last().is_some_and(|(kept, _)| *kept < self.step)
            {
                self.kept.push((self.step, self.course.clone()));
            }
        }
        &self.course.world
    }
}

impl<P: Simulated, W: Workload<P>> World<P, W> {
    /// The messages on their way now, the next to arrive first.
    #[must_use]
    pub fn in_flight(&self) -> Vec<InFlight> {
        let mut messages: Vec<InFlight> = self
            .pending()
            .filter_map(|(due, pending)| match pending {
                Pending::Message { from, to, message, .. } => {
                    Some(InFlight { from: *from, to: node(*to), due, text: text(message) })
                }
                _ => None,
            })
            .collect();
        messages.sort_by(|one, other| {
            (one.due, one.from, one.to, &one.text).cmp(&(other.due, other.from, other.to, &other.text))
        });
        messages
    }
}

/// Puts a run into lines.
#[derive(Default)]
struct Teller {
    lines: Vec<ReplayLine>,
    step: u64,
    told: usize,
    struck: usize,
    healed: bool,
    /// Sender and text of the messages.
    sent: BTreeMap<u64, (NodeId, String)>,
}

impl Teller {
    fn line(&mut self, at: u64, node: Option<NodeId>, text: String) {
        self.lines.push(ReplayLine { at, node, text, step: self.step });
    }

    /// What the last step has brought.
    fn tell<P: Simulated, W: Workload<P>>(&mut self, course: &Course<'_, P, W>) {
        let world = &course.world;
        for strike in world.strikes().get(self.struck..).unwrap_or_default() {
            let text = strike.to_string();
            let what = text.splitn(3, ' ').nth(2).unwrap_or_default();
            let node = if let [one] = strike.nodes.as_slice() { Some(*one) } else { None };
            self.line(strike.at, node, format!("FAULT {what}"));
        }
        self.struck = world.strikes().len();
        if course.healed() && !self.healed {
            self.healed = true;
            self.line(world.now().0, None, "the faults stop, and everything is up".to_owned());
        }
        for moment in world.moments().get(self.told..).unwrap_or_default() {
            let text = self.describe(moment);
            self.line(moment.at, Some(moment.node), text);
        }
        self.told = world.moments().len();
    }

    fn describe(&mut self, moment: &Moment) -> String {
        match &moment.what {
            Happening::Sent { id, to, text } => {
                self.sent.insert(*id, (moment.node, text.clone()));
                format!("sends to {to}: {text}")
            }
            Happening::Ended { id, fate } => match self.sent.get(id) {
                Some((from, text)) if fate.arrives() => format!("receives from {from}: {text}"),
                Some((from, text)) => format!("does not receive from {from} ({}): {text}", fate.name()),
                None => fate.name().to_owned(),
            },
            Happening::State(state) => format!("is now {state}"),
            other => format!("{} {}", other.kind(), other.text()).trim_end().to_owned(),
        }
    }
}
