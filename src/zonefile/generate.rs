//! `$GENERATE`: a range of numbers put into a template (BIND's directive, which NSD lacks and Knot has in part).
//!
//! In: the words of a directive. Out: the text of each record's owner and RDATA. Never here: its meaning.

/// Most records that one zone generates; chosen: a /12 of reverse names has as many.
pub const GENERATED_MAX: u64 = 1_048_576;
/// Greatest width of a number in `${offset,width,base}`, characters: the longest name.
const WIDTH_MAX: u32 = 255;

/// `start-stop/step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) stop: u32,
    pub(super) step: u32,
}

impl Span {
    /// Reads `start-stop` or `start-stop/step`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (range, step) = text.split_once('/').unwrap_or((text, "1"));
        let (start, stop) = range.split_once('-')?;
        let number = |text: &str| {
            let is_decimal = text.bytes().all(|octet| octet.is_ascii_digit());
            text.parse::<u32>()
                .ok()
                .filter(|number| is_decimal && *number <= i32::MAX as u32)
        };
        let span = Self {
            start: number(start)?,
            stop: number(stop)?,
            step: number(step)?,
        };
        (span.start <= span.stop && span.step > 0).then_some(span)
    }

    /// Counts the numbers.
    pub(super) fn count(self) -> u64 {
        u64::from((self.stop - self.start) / self.step) + 1
    }

    /// Returns the numbers.
    pub(super) fn numbers(self) -> impl Iterator<Item = u32> {
        (self.start..=self.stop).step_by(self.step as usize)
    }
}

/// Puts a number into a template: `$`, `${offset,width,base}`; `$$` and `\$` stand for a dollar sign.
///
/// # Errors
/// The fault of the modifier, in words.
pub(super) fn substitute(template: &str, number: u32, out: &mut String) -> Result<(), String> {
    let mut rest = template;
    while let Some(at) = rest.find(['$', '\\']) {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if rest[at..].starts_with('\\') {
            // An escape is kept as it is; whoever reads the record resolves it.
            out.push('\\');
            let length = after.chars().next().map_or(0, char::len_utf8);
            out.push_str(&after[..length]);
            rest = &after[length..];
        } else if let Some(after) = after.strip_prefix('$') {
            out.push_str("\\$");
            rest = after;
        } else if let Some(modifier) = after.strip_prefix('{') {
            let (inside, after) = modifier
                .split_once('}')
                .ok_or("a modifier `${` is not closed with `}`")?;
            push_modified(inside, number, out)?;
            rest = after;
        } else {
            out.push_str(&number.to_string());
            rest = after;
        }
    }
    out.push_str(rest);
    Ok(())
}

fn push_modified(inside: &str, number: u32, out: &mut String) -> Result<(), String> {
    let wrong = || format!("`${{{inside}}}` is no modifier: write `${{offset,width,base}}`");
    let mut parts = inside.split(',').map(str::trim);
    let offset: i64 = parts.next().unwrap_or("0").parse().map_err(|_| wrong())?;
    let width: u32 = parts.next().unwrap_or("0").parse().map_err(|_| wrong())?;
    let base = parts.next().unwrap_or("d");
    if parts.next().is_some() || width > WIDTH_MAX {
        return Err(wrong());
    }
    let value = i64::from(number).checked_add(offset).ok_or_else(wrong)?;
    let unsigned = u32::try_from(value)
        .map_err(|_| format!("`${{{inside}}}` makes {value} of {number}; it must not be negative"));
    let places = width as usize;
    match base {
        "d" => out.push_str(&format!("{:0places$}", unsigned?)),
        "o" => out.push_str(&format!("{:0places$o}", unsigned?)),
        "x" => out.push_str(&format!("{:0places$x}", unsigned?)),
        "X" => out.push_str(&format!("{:0places$X}", unsigned?)),
        "n" => push_nibbles(unsigned?, width, b"0123456789abcdef", out),
        "N" => push_nibbles(unsigned?, width, b"0123456789ABCDEF", out),
        _ => {
            return Err(format!(
                "`{base}` is no base: write d, o, x, X, n or N after the width"
            ));
        }
    }
    Ok(())
}

/// Writes nibbles from the last to the first with dots between; the width counts the dots too.
fn push_nibbles(mut value: u32, mut width: u32, digits: &[u8; 16], out: &mut String) {
    loop {
        out.push(char::from(digits[(value & 15) as usize]));
        value >>= 4;
        width = width.saturating_sub(1);
        if value == 0 && width == 0 {
            return;
        }
        out.push('.');
        width = width.saturating_sub(1);
        if value == 0 && width == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ranges() {
        let span = |start, stop, step| Some(Span { start, stop, step });
        let cases = [
            ("1-3", span(1, 3, 1)),
            ("0-100/10", span(0, 100, 10)),
            ("5-5", span(5, 5, 1)),
            ("3-1", None),
            ("1-3/0", None),
            ("1", None),
            ("-1-3", None),
            ("+1-3", None),
            ("1-99999999999", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(Span::parse(text), wanted, "{text}");
        }
        assert_eq!(span(0, 100, 30).map(Span::count), Some(4));
        assert_eq!(
            Span::parse("0-9/4").map(|span| span.numbers().count()),
            Some(3)
        );
    }

    #[test]
    fn substitutes_numbers() {
        let cases = [
            ("host-$", 7, Ok("host-7")),
            ("$.$", 7, Ok("7.7")),
            ("a${0,3}", 7, Ok("a007")),
            ("a${-5}", 7, Ok("a2")),
            ("${10,0,x}", 250, Ok("104")),
            ("${0,4,X}", 250, Ok("00FA")),
            ("${0,0,o}", 8, Ok("10")),
            ("${0,0,n}", 0x1a2, Ok("2.a.1")),
            ("${0,7,N}.x", 0x1a, Ok("A.1.0.0.x")),
            (r"\$$", 7, Ok(r"\$7")),
            ("$$-$", 7, Ok(r"\$-7")),
            (r"\065$", 7, Ok(r"\0657")),
            ("${-9}", 7, Err(())),
            ("${1", 7, Err(())),
            ("${1,2,q}", 7, Err(())),
            ("${1,2,d,4}", 7, Err(())),
            ("plain", 7, Ok("plain")),
        ];
        for (template, number, wanted) in cases {
            let mut out = String::new();
            let found = substitute(template, number, &mut out).map_err(|_| ());
            assert_eq!(found.map(|()| out.as_str()), wanted, "{template}");
        }
    }
}
