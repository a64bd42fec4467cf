//! Those who mean harm: a server that lies, and another client that stores what nobody should read.
//! A lie becomes an error or a miss, in bounded time and memory.
//!
//! One command prints the tables that `docs/reliability.md` shows; one test at a time, because memory
//! is that of the whole process:
//!
//! ```text
//! cargo test -p memclient-tests --test faults hostile -- --nocapture --test-threads 1
//! ```

mod replies;
mod values;
