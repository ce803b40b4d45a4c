//! How the server behaves beside its data: cookies, identity, EDNS options, limits. Every reply is decoded by the
//! independent crate `domain`.

#[path = "serving/limits.rs"]
mod limits;
#[path = "serving/options.rs"]
mod options;
#[path = "serving/stage.rs"]
mod stage;
