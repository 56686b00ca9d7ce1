//! Text that becomes a page: escaped, and times on an axis.

use core::fmt::{self, Write as _};

/// A text as the content of an element or the value of a quoted attribute of HTML or SVG: no text leaves its place, and none hides
/// what follows it.
///
/// ```
/// use synod_sim::trace::Escaped;
/// assert_eq!(Escaped::of("<b> & co").to_string(), "&lt;b&gt; &amp; co");
/// assert_eq!(Escaped::of("a long story").cut(6).to_string(), "a long…");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a> {
    text: &'a str,
    chars_max: usize,
}

impl<'a> Escaped<'a> {
    /// All of a text.
    #[must_use]
    pub const fn of(text: &'a str) -> Self {
        Self { text, chars_max: usize::MAX }
    }

    /// At most so many characters of it, and a sign where there are more.
    #[must_use]
    pub const fn cut(self, chars_max: usize) -> Self {
        Self { chars_max, ..self }
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, char) in self.text.chars().enumerate() {
            if nth >= self.chars_max {
                return f.write_char('…');
            }
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_char(char)?,
                // None belongs on a page: control characters, those that turn the direction of what follows, and what XML forbids.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => {
                    f.write_char('\u{fffd}')?;
                }
                _ if char.is_control() => f.write_char('\u{fffd}')?,
                _ => f.write_char(char)?,
            }
        }
        Ok(())
    }
}

/// Round times from `start` to `end`, about so many.
pub(crate) fn ticks(start: u64, end: u64, about: u64) -> impl Iterator<Item = u64> {
    let rough = (end.saturating_sub(start) / about.max(1)).max(1);
    let power = 10_u64.saturating_pow(rough.ilog10());
    let steps = [1, 2, 5, 10].map(|times| power.saturating_mul(times));
    let step = steps.into_iter().find(|step| *step >= rough).unwrap_or(rough);
    (start.div_ceil(step)..=end / step).map(move |nth| nth * step).take(200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(0, 10, 5).collect::<Vec<_>>(), [0, 2, 4, 6, 8, 10]);
        assert_eq!(ticks(1_234, 5_000, 4).collect::<Vec<_>>(), [2_000, 3_000, 4_000, 5_000]);
        assert!(ticks(0, u64::MAX, 8).count() <= 12);
        assert_eq!(ticks(7, 7, 8).collect::<Vec<_>>(), [7]);
    }

    #[test]
    fn nothing_leaves_its_place() {
        assert_eq!(Escaped::of("</a> & \"b'\u{202e}\u{1b}").to_string(), "&lt;/a&gt; &amp; &quot;b&#39;��");
        assert_eq!(Escaped::of("\u{fffe}\u{ffff}\0").to_string(), "���");
    }
}
