//! Questions and answers: requests under the console's location become queries of the store, and
//! their rows become bytes.
//!
//! Nothing of nginx is in here, and nothing waits: [`Console::ask`] answers at once what needs no
//! store, and turns the rest into [`Work`] for a reader thread.

mod answer;
mod assets;
mod csv;
mod openapi;
mod parameters;
mod request;
mod route;
mod table;
mod work;

pub use answer::{Answer, Head, Problem};
pub use request::{Method, Request};
pub use route::{Console, Step};
pub use work::{Cancel, ConfiguredControl, Directive, Kind, Known, Next, Piece, Reading, Work};
