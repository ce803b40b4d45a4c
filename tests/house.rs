//! The house style, as far as a machine can check it. Every rule says file and line; every rule is shown a bad example
//! beside its definition, so that it is known to be able to fail.

#[path = "house/circles.rs"]
mod circles;
#[path = "house/citations.rs"]
mod citations;
#[path = "house/conduct.rs"]
mod conduct;
#[path = "house/impls.rs"]
mod impls;
#[path = "house/layers.rs"]
mod layers;
#[path = "house/shape.rs"]
mod shape;
#[path = "house/shelf.rs"]
mod shelf;
#[path = "house/source.rs"]
mod source;

use source::{Finding, Source, files_below, root, sources_below};

/// Sources of the product.
fn product() -> Vec<Source> {
    let sources = sources_below("src");
    assert!(!sources.is_empty(), "no sources are found");
    sources
}

/// Sources of the product, tests, examples and benchmarks.
fn everything() -> Vec<Source> {
    let mut sources = product();
    for folder in ["tests", "examples", "benches"] {
        sources.extend(sources_below(folder));
    }
    sources
}

/// Documents that people read.
fn documents() -> Vec<(String, String)> {
    let mut files = files_below("docs", ".md");
    for name in ["README.md", "CHANGELOG.md"] {
        let text = std::fs::read_to_string(root().join(name)).expect("it is part of the package");
        files.push((name.to_owned(), text));
    }
    files
}

/// Fails with all findings at once.
fn expect_none(findings: Vec<Finding>) {
    let list: Vec<String> = findings
        .iter()
        .map(|finding| format!("{}: {}", finding.place, finding.message))
        .collect();
    assert!(list.is_empty(), "\n{}", list.join("\n"));
}

#[test]
fn modules_use_only_what_their_row_allows() {
    expect_none(layers::directions(&product()));
}

#[test]
fn the_map_of_the_crate_shows_every_module_in_its_layer() {
    let map =
        std::fs::read_to_string(root().join("src/lib.rs")).expect("it is part of the package");
    expect_none(layers::map(&map));
}

#[test]
fn files_of_a_room_use_each_other_one_way() {
    expect_none(circles::circles(&product()));
}

#[test]
fn methods_stand_in_the_folder_of_their_type() {
    expect_none(impls::impls(&product()));
}

#[test]
fn citations_lead_somewhere() {
    let shelf = citations::Shelf::of(&documents());
    let mut sources = everything();
    sources.extend(sources_below("fuzz"));
    expect_none(citations::citations(&sources, &shelf));
}

#[test]
fn words_that_the_glossary_replaced_are_gone() {
    let style =
        std::fs::read_to_string(root().join("docs/style.md")).expect("it is part of the package");
    let replaced = citations::replaced_words(&style);
    assert!(!replaced.is_empty(), "the glossary has no last column");
    expect_none(citations::glossary(&product(), &replaced));
}

#[test]
fn wide_crates_are_named_in_one_module_each() {
    expect_none(layers::owned_crates(&product()));
}

#[test]
fn layers_0_to_5_do_no_io_spawn_nothing_and_log_nothing() {
    expect_none(layers::purity(&product()));
}

#[test]
fn files_are_short_enough() {
    expect_none(shape::file_lengths(&everything()));
}

#[test]
fn functions_are_short_enough() {
    expect_none(shape::function_lengths(&product()));
}

#[test]
fn module_files_hold_no_logic() {
    expect_none(shape::module_files(&product()));
}

#[test]
fn every_file_opens_with_its_purpose() {
    expect_none(shape::module_docs(&everything()));
}

#[test]
fn names_say_something() {
    expect_none(shape::names(&product()));
}

#[test]
fn comments_say_what_is() {
    expect_none(shape::comments(&everything()));
}

#[test]
fn nothing_unwraps_outside_tests() {
    expect_none(conduct::unwraps(&product()));
}

#[test]
fn unsafe_stays_in_one_file_of_server() {
    expect_none(conduct::unsafe_code(&product()));
}

#[test]
fn only_clock_reads_the_time() {
    expect_none(conduct::clock_reads(&product()));
}

#[test]
fn only_cli_prints() {
    expect_none(conduct::printing(&product()));
}

#[test]
fn exceptions_have_reasons_and_queues_have_bounds() {
    expect_none(conduct::exceptions(&everything()));
}

#[test]
fn no_test_sleeps() {
    expect_none(conduct::sleeps(&everything()));
}

#[test]
fn the_top_folder_holds_what_was_agreed() {
    let names: Vec<String> = std::fs::read_dir(root())
        .expect("the package's folder")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    expect_none(shelf::entries(&names));
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    expect_none(shelf::dependencies(&manifest));
}

#[test]
fn zones_examples_and_blocks_in_documents_are_toml() {
    let mut files = files_below("zones", ".toml");
    assert!(!files.is_empty(), "no zone ships");
    files.extend(files_below("examples", ".toml"));
    expect_none(shelf::toml_files(&files));
    expect_none(shelf::toml_blocks(&documents()));
}

#[test]
fn documents_name_verbs_and_flags_that_exist() {
    expect_none(shelf::commands(&documents()));
}

#[test]
fn links_in_documents_lead_somewhere() {
    expect_none(shelf::links(&documents()));
}

#[test]
fn nothing_names_one_machine() {
    let mut files = documents();
    for (folder, ending) in [
        ("src", ".rs"),
        ("tests", ".rs"),
        ("zones", ".toml"),
        ("examples", ""),
    ] {
        files.extend(files_below(folder, ending));
    }
    expect_none(shelf::machine_paths(&files));
}
