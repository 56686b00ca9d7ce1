//! The report of a run: one self-contained HTML page.
//!
//! [`render`] is the door; each part of the page is a room of its own. The page needs nothing but itself: its style and its
//! script are within, its diagrams are SVG, and every shape says in a `<title>` what it is, so that it can be read without
//! the script too. Times are laid out in percent and everything else in pixels, so zooming is a matter of width and no
//! letter is ever stretched. The same picture makes the same bytes, fewer than 2 MB of them whatever the picture holds:
//! what there is no room for is left out, and the page says so.

mod fault;
mod judgement;
mod latency;
mod messages;
mod operations;
mod page;
mod sheet;
mod spacetime;
mod stage;
mod timeline;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use core::ops::Range;
use synod_sim::Strike;
use synod_sim::trace::Moment;

/// All that the page shows. Times are virtual nanoseconds since the run began; nodes are numbered from 1.
#[derive(Debug)]
pub(crate) struct Picture {
    /// What was run, in a few words.
    pub(crate) title: String,
    /// The verdict in one line.
    pub(crate) verdict: String,
    /// Whether the verdict is a good one.
    pub(crate) well: bool,
    /// The command that makes this page again.
    pub(crate) command: String,
    /// Names and values for the head of the page.
    pub(crate) facts: Vec<(String, String)>,
    /// How many nodes there are.
    pub(crate) nodes: usize,
    /// When the run ended.
    pub(crate) end: u64,
    /// When the faults stopped; the end of the run where they did not.
    pub(crate) healed: u64,
    /// Roles and when they were taken up, in order.
    pub(crate) reigns: Vec<Reign>,
    /// The faults.
    pub(crate) strikes: Vec<Strike>,
    /// When each answered operation began, and how long it took.
    pub(crate) latencies: Vec<(u64, u64)>,
    /// The stretch around the chosen moment that the space-time diagram shows.
    pub(crate) window: Range<u64>,
    /// Why this stretch was chosen, in a few words.
    pub(crate) why: String,
    /// What happened there.
    pub(crate) moments: Vec<Moment>,
    /// What the clients saw around there; those that contradict each other are marked.
    pub(crate) operations: Vec<Operation>,
    /// The judge's words, if it found something.
    pub(crate) judgement: Option<String>,
}

/// A role that a node took up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reign {
    pub(crate) at: u64,
    pub(crate) node: u64,
    pub(crate) term: u64,
    pub(crate) role: Role,
}

/// What a node was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Leader,
    Candidate,
    Follower,
    Down,
}

/// One operation of a client.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// The client.
    pub(crate) process: u64,
    /// When it began.
    pub(crate) begun: u64,
    /// When it was answered; `None` for an operation that was given up.
    pub(crate) ended: Option<u64>,
    /// What was asked, and what was answered.
    pub(crate) text: String,
    /// Whether it is part of the contradiction.
    pub(crate) marked: bool,
}

/// The page.
pub(crate) fn render(picture: &Picture) -> String {
    page::page(picture)
}
