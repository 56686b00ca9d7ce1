//! No verdict without evidence: the verifier, which shares no code with the search, looks at everything that it claims.

use super::finding::Ruling;
use synod_consistency_checker::{
    Flaw, History, Mark, Model, Operation, Partition, Reason, Report, Verdict, Violation, verify,
};

/// The verdict. A good one counts only if the verifier, which shares no code with the search, accepts the order.
pub(super) fn ruling<M: Model>(report: &Report<'_, M>) -> Ruling {
    let undecided = |code, message| Ruling::Undecided { code, message };
    match report.verdict() {
        Verdict::Violated => Ruling::Violated,
        Verdict::Linearizable => match verify(report.model(), report.history(), &report.certificate()) {
            Ok(()) => Ruling::Linearizable,
            Err(flaw) => undecided(
                "internal-error",
                format!(
                    "internal error: an order was found, but the verifier refuses it: {flaw}; please report this"
                ),
            ),
        },
        Verdict::Undecided(reason) => match reason {
            Reason::Time => undecided(
                "time",
                "the time ran out; raise --max-time, or record fewer concurrent operations per key"
                    .to_owned(),
            ),
            Reason::Memory => undecided(
                "memory",
                "the memory ran out; raise --max-memory, or record fewer concurrent operations per key"
                    .to_owned(),
            ),
            Reason::Steps => undecided("steps", "the steps ran out; raise --max-steps".to_owned()),
            Reason::NothingObserved => undecided("nothing-observed", reason.to_string()),
            other => undecided("other", other.to_string()),
        },
    }
}

/// Has the verifier judge the longest prefix: on the history cut off before the first answer that it does not explain.
/// That is the answer of the stuck operation, unless the budget ran out while looking for it.
pub(super) fn prefix_flaw<M: Model>(
    report: &Report<'_, M>,
    part: &Partition<M::Key>,
    violation: &Violation,
) -> Result<(), String> {
    let unknown = |id| Flaw::NoSuchOperation(id).to_string();
    let history = report.history();
    let mut in_prefix = vec![false; history.len()];
    for id in &violation.longest_prefix {
        *in_prefix.get_mut(id.index()).ok_or_else(|| unknown(*id))? = true;
    }
    let missing = part.ops.iter().filter(|id| !in_prefix[id.index()]);
    let answers = missing.filter_map(|id| history.get(*id).and_then(Operation::returned).map(|at| (at, *id)));
    let (end, first) = answers.min().ok_or("it explains every answer, so nothing is violated")?;
    if violation.exact && first != violation.stuck {
        return Err(Flaw::Missing(first).to_string());
    }
    let mut events = Vec::new();
    for id in &part.ops {
        let Some(operation) = history.get(*id) else { continue };
        if operation.called() < end {
            events.push((operation.called(), false, *id));
            // An operation under way at the cut that the prefix makes use of is answered later, as it really was.
            let returned = operation.returned().filter(|at| *at < end || in_prefix[id.index()]);
            events.extend(returned.map(|at| (at, true, *id)));
        }
    }
    events.sort_unstable();
    let mut cut = History::new();
    let mut names = vec![None; history.len()];
    for (_, is_answer, id) in events {
        let Some(operation) = history.get(id) else { continue };
        match names[id.index()] {
            Some(name) if is_answer => {
                cut.complete_at(name, operation.completion().clone(), Mark::default())
                    .map_err(|error| error.to_string())?;
            }
            _ => names[id.index()] = Some(cut.invoke(operation.process(), operation.call().clone())),
        }
    }
    let renamed = violation.longest_prefix.iter().map(|id| names[id.index()].ok_or_else(|| unknown(*id)));
    match verify(report.model(), &cut, &[renamed.collect::<Result<Vec<_>, _>>()?]) {
        // The very first answer has no place: there is nothing before it to explain.
        Err(Flaw::Empty) => Ok(()),
        verdict => verdict.map_err(|flaw| flaw.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synod_consistency_checker::{Budget, Footprint, Register, RegisterCall, RegisterReturn, check};

    /// Says of every operation that it is possible, though its steps know better: so the search finds wrong orders.
    struct Liar;

    impl Model for Liar {
        type State = Option<i64>;
        type Call = RegisterCall;
        type Return = RegisterReturn;
        type Key = ();

        fn initial(&self) -> Option<i64> {
            None
        }

        fn step(
            &self,
            state: &Self::State,
            call: &RegisterCall,
            answer: Option<&RegisterReturn>,
        ) -> Option<Self::State> {
            Register::new().step(state, call, answer)
        }

        fn footprint(&self, _: &RegisterCall, _: Option<&RegisterReturn>) -> Footprint<Self::State> {
            Footprint::Inert
        }
    }

    fn sequence(operations: &[(RegisterCall, RegisterReturn)]) -> History<RegisterCall, RegisterReturn> {
        let mut history = History::new();
        for (call, answer) in operations {
            let op = history.invoke(0, *call);
            history.ok(op, *answer).unwrap();
        }
        history
    }

    #[test]
    fn an_order_that_the_verifier_refuses_is_an_internal_error_and_never_good() {
        let history = sequence(&[(RegisterCall::Read, RegisterReturn::Value(Some(9)))]);
        let report = check(&Liar, &history, &Budget::default());
        assert_eq!(report.verdict(), Verdict::Linearizable, "the lie must fool the search");
        let Ruling::Undecided { code, message } = ruling(&report) else { panic!("{:?}", ruling(&report)) };
        assert_eq!(code, "internal-error");
        assert!(message.contains("verifier refuses"), "{message}");
    }

    #[test]
    fn the_verifier_judges_the_longest_prefix() {
        let history = sequence(&[
            (RegisterCall::Write(1), RegisterReturn::Done),
            (RegisterCall::Write(2), RegisterReturn::Done),
            (RegisterCall::Read, RegisterReturn::Value(Some(2))),
            (RegisterCall::Read, RegisterReturn::Value(Some(1))),
        ]);
        let model = Register::new();
        let report = check(&model, &history, &Budget::default());
        let (part, violation) = report.first_violation().unwrap();
        assert_eq!(prefix_flaw(&report, part, violation), Ok(()));
        let mut reversed = violation.clone();
        reversed.longest_prefix.reverse();
        let flaw = prefix_flaw(&report, part, &reversed).unwrap_err();
        assert!(flaw.contains("was answered before"), "{flaw}");
        let mut short = violation.clone();
        let lost = short.longest_prefix.pop().unwrap();
        assert_eq!(prefix_flaw(&report, part, &short), Err(Flaw::Missing(lost).to_string()));
        // A search that ran out of budget explains less, and says so.
        short.exact = false;
        assert_eq!(prefix_flaw(&report, part, &short), Ok(()));
    }
}
