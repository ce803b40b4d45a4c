//! How the server behaves beside its data: cookies, identity, EDNS options, limits. Every reply is decoded by the
//! independent crate `domain`.

#[path = "conduct/limits.rs"]
mod limits;
#[path = "conduct/options.rs"]
mod options;
#[path = "conduct/stage.rs"]
mod stage;
