//! The program `synod` from outside.
#![cfg(test)]

mod check;
mod explore;
mod replay;
mod ring;
mod sim;
