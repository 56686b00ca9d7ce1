//! Reports as text.

use core::fmt;

use crate::model::Model;
use crate::report::Report;

impl<M: Model> fmt::Display for Report<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.verdict)
    }
}
