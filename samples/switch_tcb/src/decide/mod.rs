//! The decisions of the TCB, on plain data. No register, no pointer, no `unsafe`: all of it runs in host tests.
#![forbid(unsafe_code)]

pub mod boot;
pub mod fault;
pub mod grants;
pub mod kernel;
pub mod program;
pub mod table;
