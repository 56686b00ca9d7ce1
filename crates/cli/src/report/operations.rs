//! What clients saw: one row per client, beneath the nodes.

use super::Operation;
use super::sheet::{Percent, Sheet, Shelf, cut, millis, shelve};
use super::stage::{LETTER, Labels, Stage};
use std::collections::BTreeMap;

const ROWS_MAX: usize = 24;
const OPERATIONS_MAX: usize = 3_000;
const ROW: usize = 19;
const BAR: usize = 14;
/// A line of text under a row that holds marked operations.
const LINE: usize = 14;
const LINES_MAX: usize = 4;

/// One client.
struct Row<'a> {
    process: u64,
    top: usize,
    operations: Vec<&'a Operation>,
    /// The line under the bars on which the text of each marked operation stands.
    lines: Vec<usize>,
}

/// All clients that are drawn.
pub(super) struct Rows<'a> {
    rows: Vec<Row<'a>>,
    height: usize,
    left_out: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn of(stage: &Stage<'a>) -> Self {
        let mut clients: BTreeMap<u64, Vec<&Operation>> = BTreeMap::new();
        for operation in stage.operations() {
            clients.entry(operation.process).or_default().push(operation);
        }
        let mut clients: Vec<(u64, Vec<&Operation>)> = clients.into_iter().collect();
        // Those that contradict each other first, then those that did something here, then those that only wait.
        let begins = |op: &&Operation| op.begun >= stage.span.start;
        clients.sort_by_key(|(process, operations)| {
            let marked = operations.iter().any(|op| op.marked);
            let active = operations.iter().any(|op| op.ended.is_some() || begins(op));
            (!marked, !active, *process)
        });
        let all: usize = clients.iter().map(|(_, operations)| operations.len()).sum();
        let mut top = stage.bottom() + 26;
        let (mut rows, mut drawn) = (Vec::new(), 0);
        for (process, operations) in clients.into_iter().take(ROWS_MAX) {
            if drawn + operations.len() > OPERATIONS_MAX {
                break;
            }
            drawn += operations.len();
            let lines = lines(&operations, stage);
            let deepest = lines.iter().map(|line| line + 1).max().unwrap_or(0);
            rows.push(Row { process, top, operations, lines });
            top += ROW + deepest * LINE;
        }
        Self { rows, height: top - stage.bottom(), left_out: all - drawn }
    }

    pub(super) fn height(&self) -> usize {
        if self.rows.is_empty() { 0 } else { self.height }
    }

    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    pub(super) fn names(&self, stage: &Stage<'_>, sheet: &mut Sheet) {
        if !self.rows.is_empty() {
            sheet.must(format_args!(
                "<text x=\"0\" y=\"{}\" class=\"dim\">clients</text>",
                stage.bottom() + 18
            ));
        }
        for row in &self.rows {
            sheet.must(format_args!(
                "<text x=\"8\" y=\"{}\" class=\"mono\">c{}</text>",
                row.top + 11,
                row.process
            ));
        }
    }

    pub(super) fn draw(&self, stage: &Stage<'_>, sheet: &mut Sheet) {
        if !self.rows.is_empty() {
            let y = stage.bottom() + 6;
            sheet.must(format_args!("<line class=\"rule\" x1=\"0\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>"));
        }
        for row in &self.rows {
            let mut lines = row.lines.iter();
            let mut labels = Labels::default();
            for operation in &row.operations {
                bar(operation, row.top, stage, sheet);
                if operation.marked {
                    let line = lines.next().copied().unwrap_or(0);
                    words(operation, row.top + BAR + 10 + line * LINE, stage, sheet);
                } else {
                    label(operation, row.top, &mut labels, stage, sheet);
                }
            }
        }
    }
}

/// Where the text of a marked operation goes, so that it does not cross the right edge: pixels from and to.
fn extent(operation: &Operation, stage: &Stage<'_>) -> (f64, f64, bool) {
    let letters = operation.text.chars().count().min(120) as f64 * LETTER + 8.0;
    let left = stage.pixel(operation.begun);
    if left + letters > stage.width {
        let right = stage.pixel(operation.ended.unwrap_or(u64::MAX));
        return (right - letters, right, true);
    }
    (left, left + letters, false)
}

fn lines(operations: &[&Operation], stage: &Stage<'_>) -> Vec<usize> {
    let mut shelves = vec![Shelf::default(); LINES_MAX];
    let marked = operations.iter().filter(|op| op.marked);
    marked
        .map(|op| {
            let (left, right, _) = extent(op, stage);
            shelve(&mut shelves, left, right).unwrap_or(LINES_MAX - 1)
        })
        .collect()
}

fn bar(operation: &Operation, y: usize, stage: &Stage<'_>, sheet: &mut Sheet) {
    let (x, wide) = stage.span.stretch(operation.begun, operation.ended.unwrap_or(u64::MAX));
    let marked = if operation.marked { " bad" } else { "" };
    let open = if operation.ended.is_none() { " open" } else { "" };
    sheet.put(format_args!(
        "<rect class=\"op{marked}{open}\" x=\"{x}\" width=\"{}\" y=\"{y}\" height=\"{BAR}\" rx=\"2\"><title>client {}, {} – {}\n{}</title></rect>",
        Percent(wide.0.max(0.02)),
        operation.process,
        millis(operation.begun),
        End(operation),
        cut(&operation.text, stage.text_max)
    ));
}

/// When an operation ended, in words.
pub(super) struct End<'a>(pub(super) &'a Operation);

impl core::fmt::Display for End<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0.ended {
            Some(ended) => write!(f, "{}", millis(ended)),
            None => f.write_str("no answer"),
        }
    }
}

/// The text of a marked operation, under its bar.
fn words(operation: &Operation, y: usize, stage: &Stage<'_>, sheet: &mut Sheet) {
    let (_, _, end) = extent(operation, stage);
    let at = if end { operation.ended.unwrap_or(u64::MAX) } else { operation.begun };
    let class = if end { "end" } else { "start" };
    sheet.put(format_args!(
        "<text class=\"op-text bad {class}\" x=\"{}\" y=\"{y}\">{}</text>",
        stage.span.x(at),
        cut(&operation.text, 120)
    ));
}

/// The text of another operation, within its bar, where there is room for it.
fn label(operation: &Operation, y: usize, labels: &mut Labels, stage: &Stage<'_>, sheet: &mut Sheet) {
    let left = stage.pixel(operation.begun);
    let wide = stage.pixel(operation.ended.unwrap_or(u64::MAX)) - left;
    let letters = operation.text.chars().count().min(60);
    let needed = letters as f64 * LETTER + 6.0;
    let fits = match wide {
        _ if wide * 0.25 >= needed => labels.place(left, letters),
        _ if wide >= needed => Some("l0"),
        _ if wide * 4.0 >= needed => Some("l1"),
        _ if wide * 16.0 >= needed => Some("l2"),
        _ => None,
    };
    if let Some(class) = fits {
        sheet.put(format_args!(
            "<text class=\"op-text {class}\" x=\"{}\" dx=\"3\" y=\"{}\">{}</text>",
            stage.span.x(operation.begun),
            y + 11,
            cut(&operation.text, 60)
        ));
    }
}
