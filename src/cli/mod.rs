//! Verbs, arguments, human and JSON output, exit codes.
//!
//! In: the words of the command line. Out: text or JSON on standard output, complaints on standard error, an exit
//! code. Never here: a decision of its own; every verb asks a lower layer and shows its result.

mod arguments;
mod command_arguments;
mod convert_arguments;
mod explain_arguments;
mod help;
mod lab_board;
mod lab_terminal;
mod output;
mod run;
mod simulate_arguments;
mod values;
mod verbs;

pub use arguments::{
    Arguments, ColourWhen, CompletionsArguments, GeoArguments, HealthcheckArguments, LabAction,
    LabArguments, LabRegion, ListFormat, LogFormat, ProbeArguments, ReloadArguments,
    ServeArguments, ServeSource, ShowArguments, StatusArguments, ValidateArguments, Verb,
};
pub use command_arguments::{HeartbeatArguments, ReleaseArguments, SwitchArguments};
pub use convert_arguments::{ConvertArguments, ZoneForm};
pub use explain_arguments::ExplainArguments;
pub use output::{Complaint, Exit, Outcome, Output};
pub use run::run;
pub use simulate_arguments::{DiffArguments, SimulateArguments};
pub use values::{Basis, ClientSource};
