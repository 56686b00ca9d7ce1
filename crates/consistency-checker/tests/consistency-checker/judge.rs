//! The checker beside an oracle: on all small histories, as it is and with bugs planted around it.

mod alphabets;
mod differential;
mod histories;
mod oracle;
mod planted_bugs;
