//! `synod replay`: a script, stepped through forward and backward.

use crate::console::{Complaint, Console, Outcome, read};
use crate::subject::{PaxosSubject, RaftSubject, Subject};
use core::ops::Range;
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use synod_core::NodeId;
use synod_sim::{Replay, Script, Verdict, read_span};

/// What a subject's script becomes.
type Of<'a, S> = Replay<'a, <S as Subject>::Protocol, <S as Subject>::Clients>;

/// Run a script and step through it, forward and backward; say whether it ends as it should.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  synod replay failure.script                        step through it; `help` lists the commands
  synod replay failure.script --print --from 2.4s    print the events from there on, and stop
  echo run | synod replay failure.script             commands may come from a pipe

A script is a text: what the run is, and every fault in it. Change it and look again.
Exit codes: 0 the run ends as the script says, 1 it does not, 3 bad input, 130 interrupted.")]
pub(crate) struct Walk {
    /// The script; `synod sim` writes one when a run fails.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print the events and stop, without asking for commands.
    #[arg(long)]
    print: bool,
    /// Print the events from this moment on, such as 1.25s or 300ms.
    #[arg(long, value_name = "TIME", value_parser = time, requires = "print")]
    from: Option<u64>,
    /// Print the events before this moment.
    #[arg(long, value_name = "TIME", value_parser = time, requires = "print")]
    to: Option<u64>,
}

fn time(word: &str) -> Result<u64, String> {
    read_span(word).ok_or_else(|| format!("`{word}` is no time; write 1.25s or 300ms"))
}

const HELP: &str = "\
  next [K], n [K]        K events further (an empty line: one)
  prev [K], p [K]        K events back
  goto EVENT, goto TIME  to the event of this number, or the first one at or after this time (goto 1.25s)
  find TEXT              to the next event that mentions it
  run                    to the end
  node N                 the state of node N now
  flight                 the messages on their way now
  faults                 the faults that are at work now
  where                  this event again
  script                 the script
  help, quit";

impl Walk {
    pub(crate) fn run(self, console: &mut Console) -> Result<Outcome, Complaint> {
        let script: Script = read(&self.file)?.parse().map_err(|error| self.bad(&error))?;
        match script.setting("protocol") {
            Some(PaxosSubject::NAME) => self.walk::<PaxosSubject>(&script, console),
            _ => self.walk::<RaftSubject>(&script, console),
        }
    }

    fn walk<S: Subject>(&self, script: &Script, console: &mut Console) -> Result<Outcome, Complaint> {
        let sim = S::scripted(script).map_err(|error| self.bad(&error))?;
        let mut replay = sim.replay(script, S::portrait);
        if self.print {
            let window = self.from.unwrap_or(0)..self.to.unwrap_or(u64::MAX);
            print::<S>(&replay, &window, console);
        } else {
            console.say(format!("{} events; {}", replay.lines().len(), replay.verdict()));
            Steps::<S> { replay: &mut replay, script, at: 0 }.ask(console);
        }
        Ok(verdict::<S>(script, &replay, console))
    }

    fn bad(&self, error: &dyn core::fmt::Display) -> Complaint {
        Complaint::Usage(format!("{}: {error}", self.file.display()))
    }
}

fn print<S: Subject>(replay: &Of<'_, S>, window: &Range<u64>, console: &mut Console) {
    for (nth, line) in replay.lines().iter().enumerate().filter(|(_, line)| window.contains(&line.at)) {
        console.say(format_args!("{nth:>6} {line}"));
    }
}

/// The last line: does the run end as the script says?
fn verdict<S: Subject>(script: &Script, replay: &Of<'_, S>, console: &mut Console) -> Outcome {
    if console.interrupted().load(core::sync::atomic::Ordering::Relaxed) {
        return Outcome::Interrupted;
    }
    if !script.expect.met_by(replay.verdict()) {
        console.say(format!("NOT AS EXPECTED: the script says `{}`; {}", script.expect, replay.verdict()));
        return Outcome::Violated;
    }
    let same = match script.hash {
        Some(hash) if hash == replay.hash() => ", and it is the very run that was written down",
        Some(_) => ", though not event by event the run that was written down",
        None => "",
    };
    console.say(format!("as expected: {}{same}", script.expect));
    if matches!(replay.verdict(), Verdict::Interrupted) { Outcome::Interrupted } else { Outcome::Well }
}

struct Steps<'a, 'b, S: Subject> {
    replay: &'a mut Of<'b, S>,
    script: &'a Script,
    at: usize,
}

impl<S: Subject> Steps<'_, '_, S> {
    /// Takes commands until there are no more.
    fn ask(&mut self, console: &mut Console) {
        let terminal = std::io::stdin().is_terminal();
        self.show(console);
        loop {
            if terminal {
                let mut out = std::io::stdout().lock();
                let _ = write!(out, "> ").and_then(|()| out.flush());
            }
            let mut line = String::new();
            // What cannot be read any more is the end.
            if !matches!(std::io::stdin().lock().read_line(&mut line), Ok(1..)) {
                return;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            if !self.obey(&words, console) {
                return;
            }
        }
    }

    fn last(&self) -> usize {
        self.replay.lines().len().saturating_sub(1)
    }

    fn show(&self, console: &mut Console) {
        if let Some(line) = self.replay.lines().get(self.at) {
            console.say(format_args!("{:>6} {line}", self.at));
        }
    }

    /// Does one command. `false`: no more.
    fn obey(&mut self, words: &[&str], console: &mut Console) -> bool {
        match words {
            [] | ["next" | "n"] => self.walk(1, console),
            ["next" | "n", count] if count.parse::<usize>().is_ok() => {
                self.walk(count.parse().unwrap_or(1), console);
            }
            ["prev" | "p"] => self.back(1, console),
            ["prev" | "p", count] if count.parse::<usize>().is_ok() => {
                self.back(count.parse().unwrap_or(1), console);
            }
            ["goto" | "g", place] => self.goto(place, console),
            ["find" | "f", first, ..] => {
                let text = words.get(1..).map_or_else(|| (*first).to_owned(), |words| words.join(" "));
                self.find(&text, console);
            }
            ["run" | "r"] => {
                self.at = self.last();
                self.show(console);
            }
            ["node", id] => self.node(id, console),
            ["flight"] => self.flight(console),
            ["faults"] => self.faults(console),
            ["where" | "w"] => self.show(console),
            ["script"] => console.say(self.script.to_string().trim_end()),
            ["quit" | "q" | "exit"] => return false,
            ["help" | "h" | "?"] => console.say(HELP),
            _ => console.say(format_args!("`{}` is no command; there are\n{HELP}", words.join(" "))),
        }
        true
    }

    /// Shows every event on the way, so that nothing is passed by unseen.
    fn walk(&mut self, count: usize, console: &mut Console) {
        if self.at >= self.last() {
            console.say("this is the end of the run");
        }
        for _ in 0..count.min(self.last() - self.at) {
            self.at += 1;
            self.show(console);
        }
    }

    fn back(&mut self, count: usize, console: &mut Console) {
        if self.at == 0 {
            console.say("this is the beginning of the run");
        }
        self.at = self.at.saturating_sub(count);
        self.show(console);
    }

    fn goto(&mut self, place: &str, console: &mut Console) {
        let lines = self.replay.lines();
        let found = match (place.parse::<usize>(), read_span(place)) {
            (Ok(nth), _) => nth,
            (_, Some(at)) => lines.partition_point(|line| line.at < at),
            _ => return console.say(format_args!("`{place}` is neither the number of an event nor a time")),
        };
        self.at = found.min(self.last());
        self.show(console);
    }

    fn find(&mut self, text: &str, console: &mut Console) {
        let after = self.at + 1;
        let found = self.replay.lines().iter().skip(after).position(|line| line.to_string().contains(text));
        match found {
            Some(further) => {
                self.at = after + further;
                self.show(console);
            }
            None => console.say(format_args!("no later event mentions `{text}`")),
        }
    }

    fn node(&mut self, id: &str, console: &mut Console) {
        let world = self.replay.at(self.at);
        let digits = id.strip_prefix('n').unwrap_or(id);
        match digits.parse::<u64>() {
            Ok(number) if (1..=world.len() as u64).contains(&number) => match world.node(NodeId(number)) {
                Some(node) => console.say(S::detail(node)),
                None => console.say(format_args!("n{number} is down")),
            },
            _ => console.say(format_args!("there is no node `{id}`; there are 1 to {}", world.len())),
        }
    }

    fn flight(&mut self, console: &mut Console) {
        let messages = self.replay.at(self.at).in_flight();
        if messages.is_empty() {
            console.say("no message is on its way");
        }
        for message in messages {
            let due = message.due as f64 / 1e9;
            console.say(format_args!(
                "  {} to {}, due at {due:.6}s: {}",
                message.from, message.to, message.text
            ));
        }
    }

    fn faults(&mut self, console: &mut Console) {
        let now = self.replay.lines().get(self.at).map_or(0, |line| line.at);
        let world = self.replay.at(self.at);
        let mut none = true;
        for strike in world.strikes().iter().filter(|strike| strike.at <= now && strike.until > now) {
            none = false;
            console.say(format_args!("  {strike}"));
        }
        if none {
            console.say("no fault is at work");
        }
    }
}
