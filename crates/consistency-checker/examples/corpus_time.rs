//! Prints the CPU time for each history of a folder, with and without reading: `corpus_time FOLDER [REPETITIONS]`.
//!
//! Without a folder, it takes the etcd histories of the folder that `SYNOD_CORPUS` names.

use core::time::Duration;
use std::path::PathBuf;
use std::time::Instant;
use std::{env, fs};

use synod_consistency_checker::{Budget, History, Reader, Register, RegisterCall, RegisterReturn, check};

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut arguments = env::args().skip(1);
    let folder = match (arguments.next(), env::var_os("SYNOD_CORPUS")) {
        (Some(folder), _) => PathBuf::from(folder),
        (None, Some(corpus)) => PathBuf::from(corpus).join("histories/jepsen-etcd"),
        (None, None) => return Err("name a folder with Jepsen logs, or set SYNOD_CORPUS".into()),
    };
    let repetitions: usize = arguments.next().map_or(Ok(20), |text| text.parse())?;
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    files.sort();

    let model = Register::new();
    let (mut total, mut total_read, mut worst) =
        (Duration::ZERO, Duration::ZERO, (Duration::ZERO, String::new()));
    for path in &files {
        let text = fs::read(path)?;
        let read = || -> Result<History<RegisterCall, RegisterReturn>, Box<dyn core::error::Error>> {
            Ok(Reader::detect(text.as_slice())?.history(&model)?)
        };
        let history = read()?;
        let reading = best_of(repetitions, || read().map(drop))?;
        let mut verdict = None;
        let checking = best_of(repetitions, || {
            verdict = Some(check(&model, &history, &Budget::default()).verdict());
            Ok(())
        })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        println!(
            "{name} {:4} ops {:>9.1} us read {:>9.1} us {}",
            history.len(),
            micros(checking),
            micros(reading),
            verdict.map_or_else(String::new, |verdict| verdict.to_string())
        );
        total += checking;
        total_read += reading;
        if checking > worst.0 {
            worst = (checking, name);
        }
    }
    println!(
        "{} histories, best of {repetitions}: check {:.3} ms, worst {:.3} ms ({}); read and check {:.3} ms",
        files.len(),
        micros(total) / 1e3,
        micros(worst.0) / 1e3,
        worst.1,
        micros(total + total_read) / 1e3
    );
    Ok(())
}

/// The shortest of several runs: one thread that never waits, so wall-clock time is CPU time in the best run.
fn best_of(
    repetitions: usize,
    mut work: impl FnMut() -> Result<(), Box<dyn core::error::Error>>,
) -> Result<Duration, Box<dyn core::error::Error>> {
    let mut best = Duration::MAX;
    for _ in 0..repetitions.max(1) {
        let started = Instant::now();
        work()?;
        best = best.min(started.elapsed());
    }
    Ok(best)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
