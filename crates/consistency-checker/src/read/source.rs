//! Lines of an input with their numbers and a limit on their length.

use std::collections::VecDeque;
use std::io::BufRead;

use super::{Limits, ReadError};

/// Lines of an input, one in memory at a time; during detection, those looked at so far.
#[derive(Debug)]
pub(super) struct Source<B> {
    input: B,
    limits: Limits,
    line: Vec<u8>,
    position: usize,
    number: u64,
    ahead: VecDeque<Vec<u8>>,
}

impl<B: BufRead> Source<B> {
    pub(super) const fn new(input: B, limits: Limits) -> Self {
        Self { input, limits, line: Vec::new(), position: 0, number: 0, ahead: VecDeque::new() }
    }

    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }

    /// The number of the current line, from 1; 0 before the first.
    pub(super) const fn line_number(&self) -> u64 {
        self.number
    }

    /// The current line, with its line feed.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Goes to the next line. `false` at the end.
    pub(super) fn next_line(&mut self) -> Result<bool, ReadError> {
        self.position = 0;
        if let Some(line) = self.ahead.pop_front() {
            self.line = line;
        } else {
            let mut line = core::mem::take(&mut self.line);
            let result = self.fetch(&mut line, self.number + 1);
            self.line = line;
            result?;
        }
        if self.line.is_empty() {
            return Ok(false);
        }
        self.number += 1;
        Ok(true)
    }

    /// The first answer of `judge` on a line from here on; the lines stay to be read.
    pub(super) fn look_ahead<T>(&mut self, judge: impl Fn(&[u8]) -> Option<T>) -> Result<T, ReadError> {
        let mut bytes = 0;
        let mut something = false;
        while self.ahead.len() < self.limits.max_lines_to_detect
            && bytes <= self.limits.max_line_bytes.saturating_mul(4)
        {
            let mut line = Vec::new();
            self.fetch(&mut line, self.ahead.len() as u64 + 1)?;
            if line.is_empty() {
                break;
            }
            bytes += line.len();
            something |= !line.trim_ascii().is_empty();
            let found = judge(&line);
            self.ahead.push_back(line);
            if let Some(found) = found {
                return Ok(found);
            }
        }
        let lines = self.ahead.len() as u64;
        Err(if something { ReadError::UnknownFormat { lines } } else { ReadError::NoOperations { lines } })
    }

    /// The byte at the current place, over line ends; `None` at the end of the input.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            if let Some(byte) = self.line.get(self.position) {
                return Ok(Some(*byte));
            }
            if !self.next_line()? {
                return Ok(None);
            }
        }
    }

    /// Steps over the byte that [`peek`](Self::peek) showed.
    pub(super) const fn bump(&mut self) {
        self.position += 1;
    }

    /// Reads one line, with its line feed, into `line`; empty at the end.
    fn fetch(&mut self, line: &mut Vec<u8>, number: u64) -> Result<(), ReadError> {
        line.clear();
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(ReadError::Io { line: number, source }),
            };
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(available.len(), |at| at + 1);
            let room = self.limits.max_line_bytes.saturating_sub(line.len());
            if taken > room {
                return Err(ReadError::TooLong { line: number, limit: self.limits.max_line_bytes });
            }
            line.extend_from_slice(&available[..taken]);
            self.input.consume(taken);
            if end.is_some() || taken == 0 {
                return Ok(());
            }
        }
    }
}
