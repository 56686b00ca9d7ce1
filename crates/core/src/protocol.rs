//! The one trait that every protocol implements.

use crate::{Context, Input, Lane, Lsn, Recovered, Sink};

/// A protocol: a plain value that turns inputs into effects.
///
/// It owns no socket, file, clock, thread or random source. [`step`](Protocol::step) is a function of the value,
/// the input and the [`Context`]; the same calls in the same order give the same effects, everywhere. That is what
/// lets one type run in production, in a simulator, in a model checker and in a test by hand.
///
/// Whatever a protocol has no use for is [`Never`]: a ping detector has no records, a stateless relay no timers.
///
/// # The rules
/// * **No panics.** Whatever arrives, in whatever state: what is illegal is dropped, or reported as an event.
/// * **No blocking.** What takes time (reading old entries, verifying signatures) is a [`Job`](Protocol::Job) whose
///   answer comes back as [`Input::Done`].
/// * **Promises wait.** A message that says "I have stored this" is sent with [`Context::send`], which waits for what
///   was persisted; [`Context::send_early`] is the exception that a reader can search for.
/// * **Events come at least once.** After a restart a protocol may emit again what it emitted before; events carry a
///   stable key (a log index, a step number) by which the receiver recognises them.
pub trait Protocol: Sized {
    /// What nodes say to each other, and what a node says to itself once it is durable.
    type Message;
    /// What a node writes to its log.
    type Record;
    /// What the application asks for.
    type Command;
    /// What the application is told.
    type Event;
    /// Names a timer. Arming a name again replaces it; a disarmed one never fires late.
    type Timer: Copy + Ord;
    /// Work for the host: read old entries, stream a snapshot, verify signatures.
    type Job;
    /// The host's answer to a job.
    type Done;
    /// Why a log cannot be recovered from.
    type Error;

    /// Takes back one record of this node's log. The driver calls this for every record in log order, before the
    /// first [`step`](Protocol::step).
    ///
    /// # Errors
    /// When the record contradicts what came before, or is damaged beyond what this protocol can live with. The node
    /// must not start.
    fn recover(&mut self, at: Lsn, record: Recovered<Self::Record>) -> Result<(), Self::Error>;

    /// Takes one input and pours the effects into the context.
    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>);

    /// Whether [`Input::Flush`] would do anything now. A driver may leave out a flush where this says no. The default is to
    /// get every flush; a composition answers for all that it runs.
    fn wants_flush(&self) -> bool {
        true
    }

    /// The lane on which a message travels. The default is [`Lane::Control`].
    fn lane(message: &Self::Message) -> Lane {
        let _ = message;
        Lane::Control
    }
}

/// A type without values, for what a protocol does not use.
///
/// ```
/// use synod_core::Never;
/// fn absurd(never: Never) -> u32 {
///     match never {}
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Never {}
