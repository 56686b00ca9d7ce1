//! Writes down what happens, where somebody wants to know.

use super::{Fate, Happening, Moment};
use crate::byzantine::Treason;
use core::fmt::Debug;
use core::ops::Range;
use synod_core::NodeId;

/// Off unless a window is set: texts are costly.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder {
    window: Range<u64>,
    moments: Vec<Moment>,
    /// What was last said of the state of each node.
    states: Vec<(NodeId, String)>,
    /// Whether the window has begun.
    open: bool,
}

const TEXT_LEN_MAX: usize = 240;

pub(crate) fn text(thing: &dyn Debug) -> String {
    shorten(format!("{thing:?}"))
}

fn shorten(mut text: String) -> String {
    if let Some((cut, _)) = text.char_indices().nth(TEXT_LEN_MAX) {
        text.truncate(cut);
        text.push('…');
    }
    text
}

impl Recorder {
    pub(crate) fn of(window: Range<u64>) -> Self {
        Self { window, ..Self::default() }
    }

    pub(crate) fn moments(&self) -> &[Moment] {
        &self.moments
    }

    /// The moments, for good.
    pub(crate) fn take(&mut self) -> Vec<Moment> {
        core::mem::take(&mut self.moments)
    }

    pub(crate) fn listens(&self, at: u64) -> bool {
        at < self.window.end && at >= self.window.start
    }

    /// True at the first call within the window, which is when the states of all nodes are news.
    pub(crate) fn opens(&mut self) -> bool {
        !core::mem::replace(&mut self.open, true)
    }

    fn note(&mut self, at: u64, node: NodeId, what: impl FnOnce() -> Happening) {
        if self.listens(at) {
            self.moments.push(Moment { at, node, what: what() });
        }
    }

    pub(crate) fn sent(&mut self, at: u64, id: u64, from: NodeId, to: NodeId, message: &dyn Debug) {
        self.note(at, from, || Happening::Sent { id, to, text: text(message) });
    }

    pub(crate) fn ended(&mut self, at: u64, id: u64, node: NodeId, fate: Fate) {
        self.note(at, node, || Happening::Ended { id, fate });
    }

    pub(crate) fn event(&mut self, at: u64, node: NodeId, event: &dyn Debug) {
        self.note(at, node, || Happening::Event(text(event)));
    }

    pub(crate) fn command(&mut self, at: u64, node: NodeId, command: &dyn Debug) {
        self.note(at, node, || Happening::Command(text(command)));
    }

    pub(crate) fn timer(&mut self, at: u64, node: NodeId, timer: &dyn Debug) {
        self.note(at, node, || Happening::Timer(text(timer)));
    }

    pub(crate) fn durable(&mut self, at: u64, node: NodeId, upto: u64) {
        self.note(at, node, || Happening::Durable(upto));
    }

    pub(crate) fn crashed(&mut self, at: u64, node: NodeId, lost: u64, acknowledged: u64) {
        self.note(at, node, || Happening::Crashed { lost, acknowledged });
    }

    pub(crate) fn started(&mut self, at: u64, node: NodeId) {
        self.note(at, node, || Happening::Started);
    }

    pub(crate) fn damaged(&mut self, now: u64, node: NodeId, at: u64) {
        self.note(now, node, || Happening::Damaged { at });
    }

    pub(crate) fn treason(&mut self, now: u64, node: NodeId, how: Treason, to: NodeId, message: &dyn Debug) {
        self.note(now, node, || Happening::Treason(format!("{how} {to} {}", text(message))));
    }

    pub(crate) fn refused(&mut self, now: u64, node: NodeId, why: &str) {
        self.note(now, node, || Happening::Refused(why.to_owned()));
    }

    /// The state of a node in words; written down only where it says something new. `None`: the node is down, and whatever it
    /// says after its restart is new.
    pub(crate) fn state(&mut self, at: u64, node: NodeId, state: Option<String>) {
        let state = state.map_or(String::new(), shorten);
        let place = match self.states.iter().position(|(known, _)| *known == node) {
            Some(place) => place,
            None => {
                self.states.push((node, String::new()));
                self.states.len() - 1
            }
        };
        let Some((_, last)) = self.states.get_mut(place) else { return };
        if *last != state {
            last.clone_from(&state);
            if !state.is_empty() {
                self.note(at, node, || Happening::State(state));
            }
        }
    }
}
