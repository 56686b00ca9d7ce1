//! Who overlaps whom: the operations of a window as bars.

use super::finding::{Op, Violated};

/// More characters than this for the bars, and they are left out.
const WIDEST: usize = 72;

/// The last `shown` operations of the window, one line each: `[` is a call, `]` an answer; `<` began before the window,
/// `>` goes on behind it.
///
/// ```text
/// #31  process 0  line 55-61  [-----]    write 2 ok
/// #33  process 1  line 57-67     [----]  read = 3      <- no order gets past this answer
/// ```
pub(super) fn picture(violation: &Violated, shown: usize) -> Vec<String> {
    let skipped = violation.window.len().saturating_sub(shown);
    // The stuck operation is always among them, though it may have been called before all others.
    let mut ops: Vec<&Op> = violation.window.iter().skip(skipped).collect();
    if !ops.iter().any(|op| op.id == violation.stuck.id) {
        ops.insert(0, &violation.stuck);
    }
    let bars = bars(&ops, violation.first_event, violation.last_event);
    let widest = |text: &dyn Fn(&Op) -> usize| ops.iter().map(|op| text(op)).max().unwrap_or(0);
    let id = widest(&|op| op.id.to_string().len());
    let process = widest(&|op| op.process.to_string().len());
    let place = widest(&|op| op.place().len());
    let mut lines = Vec::new();
    let hidden = violation.window.len().saturating_sub(ops.len());
    if hidden > 0 {
        lines.push(format!("({hidden} earlier ones: --witness shows them)"));
    }
    for (number, op) in ops.iter().enumerate() {
        let bar = bars.get(number).map_or("", String::as_str);
        let note = if op.id == violation.stuck.id { "  <- no order gets past this answer" } else { "" };
        lines.push(format!(
            "#{:<id$}  process {:<process$}  {:<place$}  {bar}{}{note}",
            op.id,
            op.process,
            op.place(),
            op.words()
        ));
    }
    lines
}

/// A bar per operation, or none where they would be too wide.
fn bars(ops: &[&Op], first: usize, last: usize) -> Vec<String> {
    let mut events: Vec<usize> = ops
        .iter()
        .flat_map(|op| [Some(op.called), op.returned])
        .flatten()
        .filter(|event| (first..=last).contains(event))
        .collect();
    events.sort_unstable();
    let step = if events.len() * 2 + 2 <= WIDEST { 2 } else { 1 };
    let width = events.len() * step + 2;
    if width > WIDEST {
        return Vec::new();
    }
    let column = |event: usize| 1 + step * events.partition_point(|at| *at < event);
    let bar = |op: &&Op| {
        let inside = |event: &usize| *event <= last;
        let (begin, left) = if op.called < first { (0, '<') } else { (column(op.called), '[') };
        let (end, right) = op.returned.filter(inside).map_or((width - 1, '>'), |event| (column(event), ']'));
        let draw = |at: usize| match at {
            _ if at == begin => left,
            _ if at == end => right,
            _ if at > begin && at < end => '-',
            _ => ' ',
        };
        (0..width).map(draw).chain([' ', ' ']).collect()
    };
    ops.iter().map(bar).collect()
}
