//! `leeward convert`: a master file as zone TOML, or zone TOML as a master file.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::cli::convert_arguments::{ConvertArguments, ZoneForm};
use crate::cli::output::{Complaint, Exit, Outcome, Output};
use crate::compile::compile_zone;
use crate::config::{Files, read_zone};
use crate::convert::{Conversion, PolicyForm, convert_to_master, convert_to_toml};
use crate::daemon::{ZoneFiles, read_octets};
use crate::diagnostic::{Diagnostic, Severity, Source, render_text};
use crate::lint;
use crate::wire::Name;
use crate::zonefile::{Inclusions, read_master_to_convert};

/// Largest zone read from standard input, octets; as large as the largest file.
const INPUT_OCTETS_MAX: u64 = 1 << 30;
/// The word for standard input.
const STANDARD_INPUT: &str = "-";
/// The serial of a master file whose zone has none of its own.
const SERIAL_FIRST: u32 = 1;

/// Runs `convert`.
pub(in crate::cli) fn convert(arguments: &ConvertArguments, output: &mut Output) -> Outcome {
    let form = choose_form(arguments)?;
    let octets = read_input(&arguments.file)?;
    let folder = arguments.file.parent().unwrap_or_else(|| Path::new(""));
    let files = ZoneFiles::new(folder);
    let (conversion, sources) = match form {
        ZoneForm::Toml => to_toml(&arguments.file, octets, &origin_of(arguments)?, &files),
        ZoneForm::Zone => {
            let form = if arguments.expand {
                PolicyForm::Records
            } else {
                PolicyForm::Comments
            };
            to_master(&arguments.file, octets, form, &files)
        }
    };
    if !conversion.diagnostics.is_empty() {
        output.note(&render_text(
            &conversion.diagnostics,
            &sources,
            output.is_colour(),
        ));
    }
    let Some(text) = conversion.text else {
        return Ok(Exit::Faults);
    };
    match &arguments.output {
        Some(path) => write_file(path, &text, arguments.force)?,
        None => output.raw(text.as_bytes()),
    }
    Ok(Exit::Fine)
}

/// Chooses the form to write: as asked, else the other form than the input's, else that of the output file's name.
fn choose_form(arguments: &ConvertArguments) -> Result<ZoneForm, Complaint> {
    let form_of = |path: &Path| match path.extension()?.to_str()? {
        "toml" => Some(ZoneForm::Toml),
        "zone" => Some(ZoneForm::Zone),
        _ => None,
    };
    let read = form_of(&arguments.file);
    let written = arguments.output.as_deref().and_then(form_of);
    let wanted = arguments.to.or(match read {
        Some(ZoneForm::Toml) => Some(ZoneForm::Zone),
        Some(ZoneForm::Zone) => Some(ZoneForm::Toml),
        None => written,
    });
    match wanted {
        None => Err(Complaint::usage(format!(
            "`{}` does not tell what it holds",
            arguments.file.display()
        ))
        .with_help("write `--to toml` or `--to zone`")),
        Some(form) if read == Some(form) => Err(Complaint::usage(format!(
            "`{}` has that form already",
            arguments.file.display()
        ))
        .with_help("leave `--to` out, or give the file the suffix of what it holds")),
        Some(ZoneForm::Toml) if arguments.expand => Err(Complaint::usage(
            "`--expand` is for policies, and a master file has none",
        )),
        Some(form) => Ok(form),
    }
}

/// Returns the origin of relative names: as asked, else the name of the file.
fn origin_of(arguments: &ConvertArguments) -> Result<Name, Complaint> {
    if let Some(origin) = &arguments.origin {
        return Ok(origin.clone());
    }
    let file = &arguments.file;
    let is_named = file.extension().is_some_and(|suffix| suffix == "zone");
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let origin = Name::parse_absolute(&stem).ok().filter(|_| is_named);
    origin.ok_or_else(|| {
        Complaint::usage(format!("`{}` does not name a zone", file.display()))
            .with_help("write `--origin example.com`, or call the file `example.com.zone`")
    })
}

fn read_input(path: &Path) -> Result<Vec<u8>, Complaint> {
    let fault = |cause: String| Complaint::cannot_run(format!("read {}: {cause}", path.display()));
    if path.as_os_str() != STANDARD_INPUT {
        return read_octets(path).map_err(fault);
    }
    let mut octets = Vec::new();
    let input = std::io::stdin().lock();
    input
        .take(INPUT_OCTETS_MAX + 1)
        .read_to_end(&mut octets)
        .map_err(|cause| fault(cause.to_string()))?;
    if octets.len() as u64 > INPUT_OCTETS_MAX {
        return Err(fault(format!("the limit is {INPUT_OCTETS_MAX} octets")));
    }
    Ok(octets)
}

/// The files that a master file includes: those in its folder.
struct Included<'f>(&'f ZoneFiles);

impl Inclusions for Included<'_> {
    fn include(&mut self, _from: &Path, named: &str) -> Result<(PathBuf, Vec<u8>), String> {
        let path = self.0.locate(Path::new(named))?;
        let octets = self.0.read_inside(&path)?;
        Ok((path, octets))
    }
}

fn to_toml(
    path: &Path,
    octets: Vec<u8>,
    origin: &Name,
    files: &ZoneFiles,
) -> (Conversion, Vec<Source>) {
    let reading = read_master_to_convert(path, octets, origin, &mut Included(files));
    let mut diagnostics = reading.findings.clone();
    let mut sources: Vec<Source> = reading
        .sources
        .iter()
        .map(|source| Source {
            path: source.path.clone(),
            text: source.text.as_ref().to_owned(),
        })
        .collect();
    let mut text = None;
    if let Some(records) = &reading.records {
        let made = convert_to_toml(records, &reading);
        diagnostics.retain(|found| !is_told_by(&made.diagnostics, found));
        diagnostics.extend(made.diagnostics);
        text = made.text.and_then(|text| {
            let source = Source {
                path: origin_path(origin),
                text,
            };
            let faults = faults_of(&source, files);
            if faults.is_empty() {
                return Some(source.text);
            }
            diagnostics.extend(faults);
            sources.push(source);
            None
        });
    }
    (Conversion { text, diagnostics }, sources)
}

/// Codes of the reader, each with the sharper code of the conversion that replaces it on the same record.
const SHARPER: [(&str, &str); 3] = [("M030", "V004"), ("M031", "V001"), ("M033", "V005")];

fn is_told_by(sharper: &[Diagnostic], found: &Diagnostic) -> bool {
    sharper.iter().any(|other| {
        let is_same_place =
            (&other.path, &other.span.0.start) == (&found.path, &found.span.0.start);
        is_same_place && SHARPER.contains(&(found.code, other.code))
    })
}

/// Returns a path for the text that was not written, to show a fault in it.
fn origin_path(origin: &Name) -> PathBuf {
    PathBuf::from(format!("{origin}toml (not written)"))
}

/// Returns the faults that `validate` finds in a zone.
fn faults_of(source: &Source, files: &dyn Files) -> Vec<Diagnostic> {
    let (model, mut found) = read_zone(source, files);
    if let Some(model) = &model {
        found.extend(lint::review_zone(model));
    }
    found.retain(|found| found.severity == Severity::Fault);
    found
}

fn to_master(
    path: &Path,
    octets: Vec<u8>,
    form: PolicyForm,
    files: &ZoneFiles,
) -> (Conversion, Vec<Source>) {
    let path = path.to_path_buf();
    let Ok(text) = String::from_utf8(octets) else {
        let text = String::new();
        let found = refused(&path, "D005", "it is not valid UTF-8".to_owned());
        return (found, vec![Source { path, text }]);
    };
    let source = Source { path, text };
    let (model, mut diagnostics) = read_zone(&source, files);
    let mut text = None;
    if let Some(model) = model {
        diagnostics.extend(lint::review_zone(&model));
        // Remarks of the reviews are about a zone that is served; here only faults matter.
        diagnostics.retain(|found| found.severity == Severity::Fault);
        if diagnostics.is_empty() {
            match compile_zone(&model, model.soa.serial.unwrap_or(SERIAL_FIRST)) {
                Ok(zone) => {
                    let made = convert_to_master(&model, &zone, form);
                    diagnostics = made.diagnostics;
                    text = made.text;
                }
                Err(fault) => {
                    let found = refused(&source.path, "D002", fault.to_string());
                    return (found, vec![source]);
                }
            }
        }
    }
    (Conversion { text, diagnostics }, vec![source])
}

/// A fault of the whole file.
fn refused(path: &Path, code: &'static str, message: String) -> Conversion {
    let span = crate::diagnostic::Span(0..0);
    let mut found = Diagnostic::fault(code, span, "", message);
    found.path = path.to_path_buf();
    Conversion {
        text: None,
        diagnostics: vec![found],
    }
}

/// Writes a file whole: a new one, or with `--force` in the place of another.
fn write_file(path: &Path, text: &str, is_forced: bool) -> Result<(), Complaint> {
    let fault =
        |cause: std::io::Error| Complaint::cannot_run(format!("write {}: {cause}", path.display()));
    if is_forced {
        // A server that watches the folder never sees half a file.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = path.with_file_name(format!(".{name}.new"));
        std::fs::write(&beside, text).map_err(fault)?;
        return std::fs::rename(&beside, path).map_err(fault);
    }
    let created = std::fs::File::create_new(path);
    let mut file = created.map_err(|cause| match cause.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Complaint::usage(format!("{} is there already", path.display()))
                .with_help("name another file, or write `--force`")
        }
        _ => fault(cause),
    })?;
    file.write_all(text.as_bytes()).map_err(fault)
}
