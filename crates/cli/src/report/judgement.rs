//! What the judge found: its words, and the operations that contradict each other.

use super::Picture;
use super::operations::End;
use super::sheet::{Sheet, cut, millis};

const LIMIT: usize = 120_000;
const ROWS_MAX: usize = 200;

pub(super) fn section(picture: &Picture) -> String {
    let marked: Vec<_> = picture.operations.iter().filter(|operation| operation.marked).collect();
    if picture.judgement.is_none() && marked.is_empty() {
        return String::new();
    }
    let mut sheet = Sheet::new(LIMIT);
    sheet.must(format_args!("<section><h2>The judgement</h2><div class=\"judgement\">"));
    if let Some(words) = &picture.judgement {
        sheet.must(format_args!("<pre class=\"words\">{}</pre>", cut(words.trim_end(), 10_000)));
    }
    if !marked.is_empty() {
        sheet.must(format_args!(
            "<table><caption>Operations that contradict each other</caption><thead><tr><th>client</th><th>from</th><th>to</th><th>asked and answered</th></tr></thead><tbody>"
        ));
        for operation in marked.iter().take(ROWS_MAX) {
            sheet.put(format_args!(
                "<tr><td>c{}</td><td class=\"time\">{}</td><td class=\"time\">{}</td><td><code>{}</code></td></tr>",
                operation.process,
                millis(operation.begun),
                End(operation),
                cut(&operation.text, 400)
            ));
        }
        sheet.must(format_args!("</tbody></table>"));
    }
    sheet.must(format_args!("</div>"));
    let missing = marked.len().saturating_sub(ROWS_MAX) + sheet.left_out();
    if missing > 0 {
        sheet.must(format_args!("<p class=\"left-out\">Not listed here: {missing} further operations.</p>"));
    }
    sheet.must(format_args!("</section>"));
    sheet.finish()
}
