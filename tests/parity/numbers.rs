//! The numbers of all rules, as `docs/route53-rules.md` and `docs/rules.md` state them.

const ROUTE53: &str = include_str!("../../docs/route53-rules.md");
const FORMAT: &str = include_str!("../../docs/rules.md");
/// Sections that are one rule each.
const WHOLE_SECTIONS: [&str; 2] = ["3.1", "3.8"];

/// Returns all numbers, in the order of the documents.
pub(crate) fn rules() -> Vec<String> {
    let mut rules: Vec<String> = ROUTE53.lines().filter_map(number_of_route53).collect();
    rules.extend(FORMAT.lines().filter_map(number_of_format));
    rules
}

/// Reads the number that a line begins with: `**1.4 Health.**`, `- 2.3.4a Several`; of headings only those that are rules.
fn number_of_route53(line: &str) -> Option<String> {
    let is_heading = line.starts_with('#');
    let text = line.trim_start_matches(['#', '*', '-', ' ']);
    let end = text.find(|c: char| c != '.' && !c.is_ascii_alphanumeric());
    let number = text[..end.unwrap_or(text.len())].trim_end_matches('.');
    let digits = number.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let is_number = digits.contains('.')
        && digits
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_digit()));
    let is_rule = is_number && (!is_heading || WHOLE_SECTIONS.contains(&number));
    is_rule.then(|| number.to_owned())
}

/// Reads the number of `- **a14** Text`.
fn number_of_format(line: &str) -> Option<String> {
    let (number, _) = line.strip_prefix("- **a")?.split_once("**")?;
    Some(format!("a{number}"))
}
