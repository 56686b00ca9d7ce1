//! Every shipped type keeps the laws, in every small schedule and in many larger ones; and the kit notices when one is broken.

mod planted;
mod shipped;
