//! Judges a history of one register: of a file (`judge_register FILE`), or of a small one made here.

use core::error::Error;
use std::fs::File;
use std::io::BufReader;

use synod_consistency_checker::{
    Budget, History, Reader, Register, RegisterCall as Call, RegisterReturn as Return, check, verify,
};

fn main() -> Result<(), Box<dyn Error>> {
    let model = Register::new();
    let history = match std::env::args().nth(1) {
        Some(path) => Reader::detect(BufReader::new(File::open(path)?))?.history(&model)?,
        None => made_here()?,
    };
    let report = check(&model, &history, &Budget::default());
    print!("{report}");
    if report.is_linearizable() {
        verify(&model, &history, &report.certificate())?;
        println!("one order that explains it, accepted by the verifier:");
        for op in report.certificate().into_iter().flatten() {
            println!("  {op} {}", report.describe(*op));
        }
    }
    Ok(())
}

/// A write times out, is seen by one reader, and then not by the next.
fn made_here() -> Result<History<Call, Return>, Box<dyn Error>> {
    let mut history = History::new();
    let first = history.invoke(0, Call::Write(1));
    history.ok(first, Return::Done)?;
    let lost = history.invoke(0, Call::Write(2));
    let read = history.invoke(1, Call::Read);
    history.ok(read, Return::Value(Some(2)))?;
    history.unknown(lost)?;
    let refused = history.invoke(2, Call::Cas { expected: Some(1), new: 3 });
    history.fail_with(refused, Return::Mismatch)?;
    let stale = history.invoke(1, Call::Read);
    history.ok(stale, Return::Value(Some(1)))?;
    Ok(history)
}
