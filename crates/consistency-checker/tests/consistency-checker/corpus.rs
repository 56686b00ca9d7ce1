//! Histories recorded from real systems. `SYNOD_CORPUS` names the folder; where it is unset there is nothing to test.

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs};

use synod_consistency_checker::{Budget, Format, KvModel, Reader, Register, Verdict, check, verify};

fn corpus(folder: &str) -> Option<PathBuf> {
    let Some(corpus) = env::var_os("SYNOD_CORPUS") else {
        println!("corpus not present");
        return None;
    };
    Some(Path::new(&corpus).join("histories").join(folder))
}

#[test]
fn etcd_histories_get_their_known_verdicts() {
    let Some(folder) = corpus("jepsen-etcd") else { return };
    let verdicts = fs::read_to_string(folder.join("VERDICTS.tsv")).expect("the corpus has verdicts");
    let (model, mut cases, mut linearizable) = (Register::new(), 0, 0);
    let (mut total, mut worst) = (Duration::ZERO, Duration::ZERO);
    for line in verdicts.lines().filter(|line| !line.is_empty()) {
        let (name, expected) = line.split_once('\t').expect("name, tab, verdict");
        let text = fs::read(folder.join(name)).expect("a listed history exists");
        let reader = Reader::detect(text.as_slice()).unwrap();
        assert_eq!(reader.format(), Format::JepsenLog, "{name}");
        let history = reader.history(&model).unwrap();
        // The best of three: other tests run at the same time.
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let started = Instant::now();
            check(&model, &history, &Budget::default());
            best = best.min(started.elapsed());
        }
        total += best;
        worst = worst.max(best);
        let report = check(&model, &history, &Budget::default());
        match expected {
            "ok" => {
                assert_eq!(report.verdict(), Verdict::Linearizable, "{name}: {report}");
                assert_eq!(verify(&model, &history, &report.certificate()), Ok(()), "{name}");
                linearizable += 1;
            }
            "illegal" => {
                assert_eq!(report.verdict(), Verdict::Violated, "{name}");
                let (_, violation) = report.first_violation().expect("a violation says where");
                assert!(violation.exact && violation.window.ops.contains(&violation.stuck), "{name}");
                assert!(report.to_string().contains("lines "), "{name}: {report}");
            }
            other => panic!("{name}: unknown verdict {other}"),
        }
        cases += 1;
    }
    println!("{cases} histories, {linearizable} linearizable, {total:?} in all, at most {worst:?}");
    assert_eq!((cases, linearizable), (70, 14));
    // Ten times what is asked of an optimised build on a quiet machine.
    let (total_max, worst_max) = (Duration::from_millis(200), Duration::from_millis(50));
    let slack = if cfg!(debug_assertions) { 10 } else { 1 };
    assert!(total < total_max * slack && worst < worst_max * slack, "{total:?} in all, at most {worst:?}");
}

#[test]
fn store_histories_get_the_verdict_of_their_names() {
    let Some(folder) = corpus("kv") else { return };
    let mut cases = 0;
    for entry in fs::read_dir(folder).expect("the corpus has store histories") {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read(&path).unwrap();
        let reader = Reader::detect(text.as_slice()).unwrap();
        assert_eq!(reader.format(), Format::KvText);
        let model = KvModel::for_format(reader.format());
        let history = reader.history(&model).unwrap();
        let report = check(&model, &history, &Budget::default());
        println!("{name}: {} ops, {:?}", history.len(), report.stats());
        if name.ends_with("ok") {
            assert_eq!(report.verdict(), Verdict::Linearizable, "{name}: {report}");
            assert_eq!(verify(&model, &history, &report.certificate()), Ok(()), "{name}");
        } else {
            assert_eq!(report.verdict(), Verdict::Violated, "{name}");
        }
        cases += 1;
    }
    assert_eq!(cases, 4);
}
