//! How long operations took, over time and in sum, with the faults behind.

use super::Picture;
use super::fault::{Family, Told};
use super::sheet::{Percent, Sheet, Span, seconds, took};
use super::timeline::anchor;

const LIMIT: usize = 240_000;
/// More points than this are thinned out; the percentiles are those of all.
const POINTS_MAX: usize = 2_500;
const STRIKES_MAX: usize = 300;
const TOP: f64 = 12.0;
const HEIGHT: f64 = 220.0;
const BINS_PER_DECADE: usize = 6;

/// The y axis: logarithmic, whole decades.
struct Scale {
    low: i32,
    high: i32,
}

impl Scale {
    fn of(latencies: &[(u64, u64)]) -> Self {
        let took = || latencies.iter().map(|(_, took)| log10(*took));
        let low = took().fold(f64::INFINITY, f64::min).floor() as i32;
        let high = took().fold(0.0, f64::max).ceil() as i32;
        Self { low, high: high.max(low + 1) }
    }

    fn y(&self, nanos: f64) -> f64 {
        TOP + HEIGHT * (f64::from(self.high) - nanos) / f64::from(self.high - self.low)
    }
}

/// The decimal logarithm by multiplication alone: the same on every platform, to a thousandth.
fn log10(nanos: u64) -> f64 {
    let whole = nanos.max(1).ilog10();
    let mut rest = nanos.max(1) as f64 / 10_u64.pow(whole) as f64;
    let (mut log, mut bit) = (f64::from(whole), 0.5);
    for _ in 0..12 {
        rest *= rest;
        if rest >= 10.0 {
            rest /= 10.0;
            log += bit;
        }
        bit /= 2.0;
    }
    log
}

/// The value that so many in a thousand do not exceed, of a sorted list.
fn quantile(sorted: &[u64], per_mille: usize) -> u64 {
    let rank = (sorted.len() * per_mille).div_ceil(1_000).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or(0)
}

/// The operations that began within one step of time.
struct Bucket {
    from: u64,
    until: u64,
    count: usize,
    median: u64,
    p99: u64,
}

fn buckets(picture: &Picture, span: Span) -> Vec<Bucket> {
    let (step, starts) = span.ticks(100);
    let mut filled: Vec<Vec<u64>> = vec![Vec::new(); starts.len()];
    for (begun, took) in &picture.latencies {
        let place = usize::try_from(begun / step).unwrap_or(usize::MAX).min(starts.len().saturating_sub(1));
        if let Some(bucket) = filled.get_mut(place) {
            bucket.push(*took);
        }
    }
    let bucket = |(from, mut took): (u64, Vec<u64>)| {
        took.sort_unstable();
        let (median, p99) = (quantile(&took, 500), quantile(&took, 990));
        Bucket { from, until: from.saturating_add(step), count: took.len(), median, p99 }
    };
    starts.into_iter().zip(filled).map(bucket).collect()
}

pub(super) fn section(picture: &Picture) -> String {
    let mut sheet = Sheet::new(LIMIT);
    sheet.must(format_args!("<section><h2>How long operations took</h2>"));
    if picture.latencies.is_empty() {
        sheet.must(format_args!("<p class=\"note\">No operation was answered.</p></section>"));
        return sheet.finish();
    }
    let span = Span::new(0, picture.end);
    let scale = Scale::of(&picture.latencies);
    let mut sorted: Vec<u64> = picture.latencies.iter().map(|(_, took)| *took).collect();
    sorted.sort_unstable();
    let height = (TOP + HEIGHT) as usize + 26;
    sheet.must(format_args!("<div class=\"chart with-histogram\">"));
    rulers(&scale, height, &mut sheet);
    sheet.must(format_args!("<svg class=\"plot\" width=\"100%\" height=\"{height}\" role=\"img\" aria-label=\"Latency of operations over time\">"));
    backdrop(picture, span, &scale, &mut sheet);
    let every = points(picture, span, &scale, &mut sheet);
    curves(&buckets(picture, span), span, &scale, &mut sheet);
    healed(picture, span, &mut sheet);
    sheet.must(format_args!("</svg>"));
    histogram(&sorted, &scale, height, &mut sheet);
    sheet.must(format_args!("</div>"));
    summary(&sorted, every, &mut sheet);
    sheet.must(format_args!("</section>"));
    sheet.finish()
}

fn rulers(scale: &Scale, height: usize, sheet: &mut Sheet) {
    sheet.must(format_args!("<svg class=\"names\" width=\"64\" height=\"{height}\">"));
    for decade in scale.low..=scale.high {
        let y = scale.y(f64::from(decade)) + 4.0;
        sheet.must(format_args!("<text class=\"dim end\" x=\"56\" y=\"{y:.1}\">{}</text>", label(decade)));
    }
    sheet.must(format_args!("</svg>"));
}

/// A power of ten nanoseconds in milliseconds.
fn label(decade: i32) -> String {
    match decade {
        ..0 => String::new(),
        0..6 => format!("0.{}1 ms", "0".repeat(5_usize.saturating_sub(decade.unsigned_abs() as usize))),
        _ => format!("1{} ms", "0".repeat(decade.unsigned_abs() as usize - 6)),
    }
}

fn backdrop(picture: &Picture, span: Span, scale: &Scale, sheet: &mut Sheet) {
    for strike in picture.strikes.iter().take(STRIKES_MAX) {
        let (x, wide) = span.stretch(strike.at, strike.until);
        sheet.put(format_args!(
            "<rect class=\"band {}\" x=\"{x}\" width=\"{}\" y=\"{TOP}\" height=\"{HEIGHT}\">{}</rect>",
            Family::of(strike.fault).class(),
            Percent(wide.0.max(0.15)),
            Told(strike)
        ));
    }
    for decade in scale.low..=scale.high {
        let y = scale.y(f64::from(decade));
        sheet.must(format_args!("<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"));
    }
    for at in span.ticks(10).1 {
        let x = span.x(at);
        sheet.must(format_args!(
            "<text class=\"dim {}\" x=\"{x}\" y=\"{}\">{}</text>",
            anchor(x),
            TOP + HEIGHT + 18.0,
            seconds(at)
        ));
    }
}

fn healed(picture: &Picture, span: Span, sheet: &mut Sheet) {
    if picture.healed < picture.end {
        let x = span.x(picture.healed);
        let bottom = TOP + HEIGHT;
        sheet.must(format_args!(
            "<line class=\"healed\" x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"{bottom}\"><title>the faults stopped at {}</title></line>",
            seconds(picture.healed)
        ));
    }
}

/// Draws every so-many-th operation. Returns how many.
fn points(picture: &Picture, span: Span, scale: &Scale, sheet: &mut Sheet) -> usize {
    let every = picture.latencies.len().div_ceil(POINTS_MAX).max(1);
    sheet.must(format_args!("<g class=\"points\">"));
    for (begun, took) in picture.latencies.iter().step_by(every) {
        let y = scale.y(log10(*took));
        sheet.put(format_args!("<circle cx=\"{}\" cy=\"{y:.1}\" r=\"1.7\"/>", span.x(*begun)));
    }
    sheet.must(format_args!("</g>"));
    every
}

fn curves(buckets: &[Bucket], span: Span, scale: &Scale, sheet: &mut Sheet) {
    for (class, value) in
        [("p50", (|bucket| bucket.median) as fn(&Bucket) -> u64), ("p99", |bucket| bucket.p99)]
    {
        sheet.must(format_args!("<g class=\"{class}\">"));
        for pair in buckets.windows(2) {
            let [left, right] = pair else { continue };
            if left.count > 0 && right.count > 0 {
                let middle = |bucket: &Bucket| span.x(u64::midpoint(bucket.from, bucket.until));
                sheet.put(format_args!(
                    "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
                    middle(left),
                    middle(right),
                    scale.y(log10(value(left))),
                    scale.y(log10(value(right)))
                ));
            }
        }
        for bucket in buckets.iter().filter(|bucket| bucket.count > 0) {
            let (x, y) = (span.x(u64::midpoint(bucket.from, bucket.until)), scale.y(log10(value(bucket))));
            sheet.put(format_args!("<circle cx=\"{x}\" cy=\"{y:.1}\" r=\"2.4\"/>"));
        }
        sheet.must(format_args!("</g>"));
    }
    for Bucket { from, until, count, median, p99 } in buckets.iter().filter(|bucket| bucket.count > 0) {
        let (x, wide) = span.stretch(*from, *until);
        sheet.put(format_args!(
            "<rect class=\"probe\" x=\"{x}\" width=\"{wide}\" y=\"{TOP}\" height=\"{HEIGHT}\"><title>begun {} – {}: {count} operations\np50 {}, p99 {}</title></rect>",
            seconds(*from),
            seconds(*until),
            took(*median),
            took(*p99)
        ));
    }
}

/// How many operations took how long: bars to the right, on the same scale.
fn histogram(sorted: &[u64], scale: &Scale, height: usize, sheet: &mut Sheet) {
    let decades = usize::try_from(scale.high - scale.low).unwrap_or(1);
    let mut bins = vec![0_usize; decades * BINS_PER_DECADE];
    let last = bins.len().saturating_sub(1);
    for took in sorted {
        let bin = ((log10(*took) - f64::from(scale.low)) * BINS_PER_DECADE as f64) as usize;
        if let Some(bin) = bins.get_mut(bin.min(last)) {
            *bin += 1;
        }
    }
    let most = bins.iter().copied().max().unwrap_or(1).max(1);
    let tall = HEIGHT / bins.len().max(1) as f64;
    sheet.must(format_args!("<svg class=\"plot\" width=\"100%\" height=\"{height}\" role=\"img\" aria-label=\"Histogram of latencies\">"));
    for (nth, count) in bins.iter().enumerate().filter(|(_, count)| **count > 0) {
        let y = TOP + HEIGHT - tall * (nth + 1) as f64;
        let wide = Percent((*count as f64 * 78.0 / most as f64).max(1.0));
        sheet.must(format_args!(
            "<rect class=\"bin\" x=\"0\" width=\"{wide}\" y=\"{y:.1}\" height=\"{:.1}\"><title>{count} operations</title></rect>",
            (tall - 1.0).max(1.0)
        ));
    }
    // The labels keep a line's distance.
    let lower = scale.y(log10(quantile(sorted, 500)));
    let upper = scale.y(log10(quantile(sorted, 990)));
    for (class, y, text_y) in [("p50", lower, lower + 4.0), ("p99", upper, (upper + 4.0).min(lower - 9.0))] {
        sheet.must(format_args!(
            "<g class=\"{class}\"><line x1=\"0\" x2=\"80%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"end\" x=\"100%\" y=\"{text_y:.1}\">{class}</text></g>"
        ));
    }
    sheet.must(format_args!(
        "<text class=\"dim\" x=\"0\" y=\"{}\">how many</text></svg>",
        TOP + HEIGHT + 18.0
    ));
}

fn summary(sorted: &[u64], every: usize, sheet: &mut Sheet) {
    sheet.must(format_args!(
        "<ul class=\"key\"><li><i class=\"sw dot\"></i>one operation, where it began</li><li><i class=\"sw l50\"></i>p50 of each stretch</li>\
         <li><i class=\"sw l99\"></i>p99 of each stretch</li><li>shaded: faults, as above</li></ul>\
         <p class=\"note\">{} answered operations: p50 {}, p90 {}, p99 {}, slowest {}.",
        sorted.len(),
        took(quantile(sorted, 500)),
        took(quantile(sorted, 900)),
        took(quantile(sorted, 990)),
        took(sorted.last().copied().unwrap_or(0))
    ));
    if every > 1 {
        sheet.must(format_args!(" One in {every} is drawn as a point; percentiles and histogram count all."));
    }
    sheet.must(format_args!("</p>"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_exact_to_a_thousandth() {
        for nanos in [1, 2, 9, 10, 31_623, 999_999, 1_000_000, 123_456_789, u64::MAX] {
            assert!((log10(nanos) - (nanos as f64).log10()).abs() < 1e-3, "{nanos}");
        }
    }

    #[test]
    fn quantiles_are_values_of_the_list() {
        let sorted: Vec<u64> = (1..=100).collect();
        assert_eq!([quantile(&sorted, 500), quantile(&sorted, 990), quantile(&sorted, 1_000)], [50, 99, 100]);
        assert_eq!(quantile(&[], 500), 0);
        assert_eq!(quantile(&[7], 990), 7);
    }

    #[test]
    fn decades_are_labelled_in_milliseconds() {
        assert_eq!([3, 5, 6, 8].map(label), ["0.001 ms", "0.1 ms", "1 ms", "100 ms"]);
    }
}
