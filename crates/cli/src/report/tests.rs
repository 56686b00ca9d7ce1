//! What must hold of every page.

use super::*;
use core::iter::repeat_n;
use std::collections::BTreeSet;
use synod_core::NodeId;
use synod_sim::Fault;
use synod_sim::trace::{Fate, Happening};

const PAGE_LEN_MAX: usize = 2_000_000;
const VOID: [&str; 2] = ["meta", "!DOCTYPE"];

/// Walks over all tags; every one that is opened must be closed, in order. Returns the tags' insides.
fn tags(page: &str) -> Vec<&str> {
    let (mut open, mut tags) = (Vec::new(), Vec::new());
    let mut rest = page;
    while let Some(begin) = rest.find('<') {
        let after = &rest[begin + 1..];
        let end = after.find('>').expect("a tag that ends");
        let tag = &after[..end];
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        rest = &after[end + 1..];
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed out of order");
        } else {
            tags.push(tag);
            if !tag.ends_with('/') && !VOID.contains(&name) {
                open.push(name);
            }
            if name == "style" || name == "script" {
                rest = &rest[rest.find(&format!("</{name}>")).expect("an end")..];
            }
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    tags
}

fn check(picture: &Picture) -> String {
    let page = render(picture);
    assert!(page.len() < PAGE_LEN_MAX, "{} bytes", page.len());
    let tags = tags(&page);
    let mut ids = BTreeSet::new();
    let mut targets = BTreeSet::new();
    for tag in tags {
        for (place, _) in tag.match_indices(" id=\"") {
            let id = tag[place + 5..].split('"').next().unwrap();
            assert!(ids.insert(id), "the id `{id}` occurs twice");
        }
        if let Some(place) = tag.find("href=\"#") {
            targets.insert(tag[place + 7..].split('"').next().unwrap());
        }
    }
    assert!(targets.is_subset(&ids), "{targets:?} are not all in {ids:?}");
    for foreign in ["http:", "https:", "src=", "@import", "NaN", "inf%"] {
        // The one address is the name of SVG in the script; nothing is fetched from it.
        let found = page.replace("http://www.w3.org/2000/svg", "").contains(foreign);
        assert!(!found, "`{foreign}` on the page");
    }
    assert_eq!(page, render(picture), "the same picture, the same bytes");
    page
}

#[test]
fn ordinary_pages_are_sound() {
    for moments in [20, 300, 20_000] {
        let page = check(&sample::run(moments));
        assert!(page.contains("get k2 → &quot;v764&quot;"));
    }
}

#[test]
fn an_empty_picture_makes_a_page() {
    assert!(check(&sample::empty()).contains("No operation was answered."));
}

#[test]
fn no_picture_is_too_large() {
    let mut picture = sample::run(300);
    let text = "<&\"'>".repeat(100);
    picture.moments = (0..200_000_u64)
        .map(|nth| Moment {
            at: picture.window.start + nth,
            node: NodeId(1 + nth % 5),
            what: match nth % 2 {
                0 => Happening::Sent { id: nth, to: NodeId(1 + (nth + 1) % 5), text: text.clone() },
                _ => Happening::Ended { id: nth - 1, fate: Fate::Delivered },
            },
        })
        .collect();
    picture.operations = (0..100_000_u64)
        .map(|nth| Operation {
            process: nth % 1_000,
            begun: picture.window.start + nth,
            ended: None,
            text: text.clone(),
            marked: nth % 2 == 0,
        })
        .collect();
    picture.latencies = (0..200_000).map(|nth| (nth * 70_000, nth * nth)).collect();
    picture.reigns = (0..200_000_u64)
        .map(|nth| Reign { at: nth * 70_000, node: 1 + nth % 5, term: nth, role: Role::Leader })
        .collect();
    picture.strikes = picture.strikes.iter().cycle().take(100_000).cloned().collect();
    picture.facts = vec![(text.clone(), text.repeat(100)); 5_000];
    picture.judgement = Some(text.repeat(10_000));
    picture.title = text.repeat(10_000);
    picture.nodes = 500;
    let page = check(&picture);
    for said in
        ["of the 200000 moments", "nodes 33 to 500", "One in 80", "further facts", "further operations"]
    {
        assert!(page.contains(said), "the page does not say `{said}`");
    }
}

#[test]
fn nothing_that_others_wrote_becomes_markup() {
    let evil = "</title></svg><script>alert('x')</script>\u{0}\u{202e}\"'&<b onload=x>";
    let mut picture = sample::run(300);
    for text in [&mut picture.title, &mut picture.verdict, &mut picture.command, &mut picture.why] {
        *text = evil.to_owned();
    }
    picture.facts.push((evil.to_owned(), evil.to_owned()));
    picture.judgement = Some(evil.to_owned());
    picture.operations.iter_mut().for_each(|operation| operation.text = evil.to_owned());
    for moment in &mut picture.moments {
        match &mut moment.what {
            Happening::Sent { text, .. }
            | Happening::Event(text)
            | Happening::Command(text)
            | Happening::Timer(text) => {
                *text = evil.to_owned();
            }
            _ => {}
        }
    }
    let page = check(&picture);
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!page.contains("<b onload") && !page.contains('\u{202e}') && !page.contains('\u{0}'));
    assert!(page.matches("&lt;script&gt;").count() > 100);
}

#[test]
fn every_fault_and_every_happening_has_its_shape() {
    let mut picture = sample::run(20);
    picture.strikes = Fault::all()
        .map(|fault| Strike {
            fault,
            at: 6_190_000_000,
            until: 6_200_000_000,
            nodes: vec![NodeId(1), NodeId(99)],
            bridge: None,
            detail: 0,
        })
        .collect();
    let fates = [
        Fate::Delivered,
        Fate::Lost,
        Fate::Blocked,
        Fate::ReceiverDown,
        Fate::Overflow,
        Fate::TooLarge,
        Fate::Refused,
        Fate::Unreachable,
        Fate::Reset,
    ];
    let at = picture.window.start + 1_000_000;
    let mut moment = |node, what| picture.moments.push(Moment { at, node: NodeId(node), what });
    for (id, fate) in (900_000..).zip(fates) {
        moment(1, Happening::Sent { id, to: NodeId(2), text: format!("carried {fate:?}") });
        moment(2, Happening::Ended { id, fate });
        moment(2, Happening::Ended { id, fate });
        moment(0, Happening::Sent { id: id + 10, to: NodeId(u64::MAX), text: String::new() });
        moment(u64::MAX, Happening::Ended { id: id + 20, fate });
    }
    for what in [
        Happening::Event("an event".to_owned()),
        Happening::Command("a command".to_owned()),
        Happening::Timer("a timer".to_owned()),
        Happening::Durable(4_711),
        Happening::Crashed { lost: 17, acknowledged: 5 },
        Happening::Started,
    ] {
        moment(3, what);
    }
    let page = check(&picture);
    for fault in Fault::all() {
        assert!(page.contains(&format!("<title>{}, 6.19 s – 6.2 s", fault.name())), "{fault}");
    }
    for said in [
        "carried Delivered",
        "carried Lost",
        "carried Blocked",
        "carried ReceiverDown",
        "a second time",
        "an event",
        "a command",
        "a timer",
        "durable up to 4711",
        "lost 17",
        "5 of them acknowledged",
        "is back",
        "left before the time shown",
        "still on its way",
    ] {
        assert!(page.contains(said), "`{said}` is missing");
    }
}

#[test]
fn odd_times_do_not_confuse() {
    let mut picture = sample::run(300);
    picture.window = u64::MAX - 1..u64::MAX;
    picture.end = 1;
    check(&picture);
    picture.window = Range { start: 9, end: 3 };
    picture.healed = u64::MAX;
    picture.latencies = vec![(u64::MAX, 0), (0, u64::MAX)];
    check(&picture);
    picture.end = u64::MAX;
    picture.strikes.iter_mut().for_each(|strike| strike.until = 0);
    check(&picture);
}

#[test]
fn verdicts_are_told_by_words_not_by_colour_alone() {
    let mut picture = sample::run(20);
    assert!(render(&picture).contains("✗ violated"));
    picture.well = true;
    assert!(render(&picture).contains("✓ holds"));
}

#[test]
fn long_texts_are_cut() {
    let mut picture = sample::run(20);
    picture.verdict = repeat_n('x', 10_000).collect();
    assert!(check(&picture).contains("xx…</span>"));
}
