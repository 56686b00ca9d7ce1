//! Which part of the window is drawn, and where: the geometry that the parts of the space-time diagram share.

use super::sheet::{Shelf, Span};
use super::timeline::{LANES_MAX, lane};
use super::{Operation, Picture};
use synod_sim::trace::{Happening, Moment};

/// A diagram with more moments than this is neither legible nor small enough for a page.
const MOMENTS_MAX: usize = 10_000;
/// The bytes that the texts of messages and events may take together.
const TEXT_BYTES: usize = 340_000;
/// A letter of a label, in pixels.
pub(super) const LETTER: f64 = 6.3;
/// Labels that are shown from these magnifications on.
const ZOOMS: [(f64, &str); 4] = [(0.25, "lf"), (1.0, "l0"), (4.0, "l1"), (16.0, "l2")];

/// The space-time diagram's measures, in pixels but for time.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) picture: &'a Picture,
    pub(super) span: Span,
    /// In order of time.
    pub(super) moments: Vec<&'a Moment>,
    /// The width that labels are made for; it is also the least.
    pub(super) width: f64,
    pub(super) lanes: usize,
    pub(super) spacing: usize,
    pub(super) text_max: usize,
}

impl<'a> Stage<'a> {
    pub(super) fn of(picture: &'a Picture) -> Self {
        let mut moments: Vec<&Moment> = picture.moments.iter().collect();
        moments.sort_by_key(|moment| moment.at);
        let window = Span::new(picture.window.start, picture.window.end);
        let (span, moments) = nearest(picture, window, moments);
        let lanes = picture.nodes.min(LANES_MAX);
        let texts = moments.iter().filter(|moment| text_of(&moment.what).is_some()).count().max(1);
        Self {
            picture,
            span,
            width: (moments.len() as f64 * 2.8).clamp(880.0, 24_000.0),
            lanes,
            spacing: (640 / lanes.max(1)).clamp(56, 88),
            text_max: (TEXT_BYTES / texts).clamp(32, 260),
            moments,
        }
    }

    /// The lane of a node, in pixels from the top.
    pub(super) fn y(&self, node: u64) -> Option<usize> {
        Some(self.top() + lane(node, self.lanes)? * self.spacing + self.spacing / 2)
    }

    /// Where the lanes begin.
    pub(super) fn top(&self) -> usize {
        30
    }

    /// Where the lanes end.
    pub(super) fn bottom(&self) -> usize {
        self.top() + self.lanes * self.spacing
    }

    /// A time in pixels, at the width that labels are made for.
    pub(super) fn pixel(&self, at: u64) -> f64 {
        self.span.x(at).0 * self.width / 100.0
    }

    /// The operations that touch what is drawn.
    pub(super) fn operations(&self) -> impl Iterator<Item = &'a Operation> {
        let span = self.span;
        let touches = move |op: &&Operation| span.overlaps(op.begun, op.ended.unwrap_or(u64::MAX));
        self.picture.operations.iter().filter(touches)
    }
}

/// The text that a happening carries, if any.
pub(super) fn text_of(what: &Happening) -> Option<&str> {
    match what {
        Happening::Sent { text, .. }
        | Happening::Event(text)
        | Happening::Command(text)
        | Happening::Timer(text) => Some(text),
        _ => None,
    }
}

/// All moments; or, if they are too many, an unbroken stretch of them around what matters most.
fn nearest<'a>(picture: &Picture, window: Span, moments: Vec<&'a Moment>) -> (Span, Vec<&'a Moment>) {
    if moments.len() <= MOMENTS_MAX {
        return (window, moments);
    }
    let focus = focus(picture, window);
    let middle = moments.partition_point(|moment| moment.at < focus);
    let first = middle.saturating_sub(MOMENTS_MAX / 2).min(moments.len() - MOMENTS_MAX);
    let moments: Vec<&Moment> = moments.into_iter().skip(first).take(MOMENTS_MAX).collect();
    let start = moments.first().map_or(window.start, |moment| moment.at);
    let end = moments.last().map_or(window.end, |moment| moment.at);
    (Span::new(start, end), moments)
}

/// What matters most: where the last of the marked operations ended, or else the middle.
fn focus(picture: &Picture, window: Span) -> u64 {
    let within = |at: &u64| window.overlaps(*at, *at);
    let marked = picture.operations.iter().filter(|op| op.marked);
    marked.filter_map(|op| op.ended).filter(within).max().unwrap_or(window.start + window.len() / 2)
}

/// A row of labels over the diagram, at each magnification.
#[derive(Debug, Default)]
pub(super) struct Labels {
    shelves: [Shelf; ZOOMS.len()],
}

impl Labels {
    /// The class of a label of so many letters that begins at a pixel: it says from which magnification on there is room
    /// for it. `None` if there never is.
    pub(super) fn place(&mut self, left: f64, letters: usize) -> Option<&'static str> {
        let wide = letters as f64 * LETTER + 6.0;
        let level = ZOOMS.iter().zip(&mut self.shelves).position(|((zoom, _), shelf)| {
            let left = left * zoom;
            shelf.take(left, left + wide)
        })?;
        // What is shown at one magnification is shown at all greater ones.
        for ((zoom, _), shelf) in ZOOMS.iter().zip(&mut self.shelves).skip(level + 1) {
            shelf.take(left * zoom, left * zoom + wide);
        }
        ZOOMS.get(level).map(|(_, class)| *class)
    }

    /// Keeps a place free of labels, at all magnifications.
    pub(super) fn reserve(&mut self, left: f64, letters: usize) {
        let wide = letters as f64 * LETTER + 6.0;
        for ((zoom, _), shelf) in ZOOMS.iter().zip(&mut self.shelves) {
            shelf.take(left * zoom, left * zoom + wide);
        }
    }
}
