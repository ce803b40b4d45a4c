//! Status line and headers of an HTTP/1 response, as servers in the field write them.
//!
//! In: octets as they arrive. Out: status, and the few headers that decide how the body is read. Never here: sockets,
//! the body, the meaning of a status.
//!
//! Takes and refuses what curl does, with these exceptions:
//!
//! | Octets | Here | curl | Why |
//! |---|---|---|---|
//! | empty lines before the status line | passed over | refused | nothing else can be meant |
//! | blanks before the first header | line passed over | refused | RFC 9112, section 2.2 lets us ignore it |
//! | `Content-Length` on a folded line | unfolded | refused | RFC 9112, section 5.2: a fold is a space |
//! | blank between `Content-Length` and the colon | read as that header | unknown header | nothing else can be meant |
//! | headers over the limit of the check | refused | up to 300 KiB | each probe is bounded; `header-bytes` allows more |
//! | two `Content-Length` that differ | refused if the body is searched | the last counts | where the body ends is unknown |
//! | a coding of the transfer that nobody knows | refused if the body is searched | refused | a status says all that is asked |

use super::body::{Coding, Framing};

/// Most octets of a response in evidence.
const SHOWN_MAX: usize = 60;

/// Begin of every status line, in any case.
const PROTOCOL: &[u8] = b"http/";

/// Fault of a head.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::probe) enum HeadFault {
    /// Longer than allowed; the longest header, and its octets.
    TooLong(Option<(Box<str>, usize)>),
    /// No HTTP; the protocol that it is instead, or the place of the error.
    Malformed(Box<str>),
    /// Ended too early.
    Cut,
}

/// Status and headers of a response, as far as used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::probe) struct Head {
    pub(in crate::probe) status: u16,
    /// `Location`, as written.
    pub(in crate::probe) location: Option<Box<[u8]>>,
    /// `Content-Encoding`, as written; else the coding of the transfer under the chunks, if that is known.
    pub(in crate::probe) encoding: Option<Box<[u8]>>,
    length: Length,
    coding: Coding,
}

/// Length of the body by its headers, octets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Length {
    #[default]
    Unsaid,
    Octets(u64),
    /// Two that differ.
    Disputed(u64, u64),
}

/// Reads one head, interim responses before it included.
#[derive(Debug)]
pub(in crate::probe) struct HeadReader {
    octets_max: usize,
    octets: usize,
    /// The line under way.
    line: Vec<u8>,
    /// The header before it, unfolded so far.
    header: Vec<u8>,
    /// Lines of the present head that ended.
    lines: usize,
    head: Head,
    longest: Option<(Box<str>, usize)>,
}

impl HeadReader {
    /// Reads at most `octets_max` octets, interim responses included.
    pub(in crate::probe) fn new(octets_max: usize) -> Self {
        Self {
            octets_max,
            octets: 0,
            line: Vec::new(),
            header: Vec::new(),
            lines: 0,
            head: Head::default(),
            longest: None,
        }
    }

    /// Takes octets in. Returns how many of them belonged to the head once it is whole.
    pub(in crate::probe) fn take(&mut self, octets: &[u8]) -> Result<Option<usize>, HeadFault> {
        let mut taken = 0;
        while let Some(rest) = octets.get(taken..).filter(|rest| !rest.is_empty()) {
            let end = rest.iter().position(|octet| *octet == b'\n');
            let piece = end.map_or(rest, |end| &rest[..=end]);
            taken += piece.len();
            self.octets += piece.len();
            self.line.extend_from_slice(piece);
            self.refuse_foreign()?;
            if self.octets > self.octets_max {
                self.note_length();
                return Err(HeadFault::TooLong(self.longest.take()));
            }
            if end.is_some() && self.end_line()? {
                return Ok(Some(taken));
            }
        }
        Ok(None)
    }

    /// Ends the head where the peer closed the connection. As with curl, a head without its empty line counts.
    pub(in crate::probe) fn close(&mut self) -> Result<(), HeadFault> {
        match self.lines {
            0 => Err(HeadFault::Cut),
            _ => self.end_header(),
        }
    }

    /// Returns the head.
    pub(in crate::probe) fn into_head(self) -> Head {
        self.head
    }

    /// Refuses octets that cannot become a status line as soon as possible: a peer that speaks another protocol may
    /// wait for an answer in it.
    fn refuse_foreign(&self) -> Result<(), HeadFault> {
        if self.lines > 0 {
            return Ok(());
        }
        let line = self.line.trim_ascii_start_lines();
        let differs = |(wanted, octet): (&u8, &u8)| *wanted != octet.to_ascii_lowercase();
        match PROTOCOL.iter().zip(line).any(differs) {
            true => Err(HeadFault::Malformed(describe_foreign(line))),
            false => Ok(()),
        }
    }

    /// Ends the line under way; returns whether the head is whole.
    fn end_line(&mut self) -> Result<bool, HeadFault> {
        let mut line = std::mem::take(&mut self.line);
        while let Some(b'\n' | b'\r') = line.last() {
            line.pop();
        }
        if self.lines == 0 {
            if !line.is_empty() {
                self.head = Head {
                    status: read_status(&line)?,
                    ..Head::default()
                };
                self.lines = 1;
            }
            return Ok(false);
        }
        self.lines += 1;
        match line.first() {
            None => {
                self.end_header()?;
                // RFC 9110, section 15.2: any number of interim responses; 101 ends HTTP on this connection.
                let is_interim = self.head.status < 200 && self.head.status != 101;
                if is_interim {
                    self.lines = 0;
                }
                return Ok(!is_interim);
            }
            // RFC 9112, section 5.2: a fold is a space; before any header it is nothing.
            Some(b' ' | b'\t') if self.header.is_empty() => {}
            Some(b' ' | b'\t') => {
                self.header.push(b' ');
                self.header.extend_from_slice(line.trim_ascii());
            }
            Some(_) => {
                self.end_header()?;
                self.header = line;
            }
        }
        Ok(false)
    }

    /// Ends the header that was read last.
    fn end_header(&mut self) -> Result<(), HeadFault> {
        let header = std::mem::take(&mut self.header);
        if header.is_empty() {
            return Ok(());
        }
        let malformed = |text: String| Err(HeadFault::Malformed(text.into()));
        let Some(colon) = header.iter().position(|octet| *octet == b':') else {
            return malformed(format!("the header {} has no colon", show(&header)));
        };
        let (name, value) = (
            header[..colon].trim_ascii(),
            header[colon + 1..].trim_ascii(),
        );
        if header.contains(&0) {
            return malformed(format!("the header {} holds a NUL", show(name)));
        }
        self.note_longest(name, header.len());
        match name.to_ascii_lowercase().as_slice() {
            b"content-length" => self.read_length(value)?,
            b"transfer-encoding" => self.head.read_coding(value),
            b"content-encoding" => self.head.encoding = Some(value.into()),
            // A second one changes nothing, as with curl.
            b"location" if self.head.location.is_none() => self.head.location = Some(value.into()),
            _ => {}
        }
        Ok(())
    }

    fn note_longest(&mut self, name: &[u8], octets: usize) {
        if self
            .longest
            .as_ref()
            .is_none_or(|(_, longest)| *longest < octets)
        {
            self.longest = Some((show(name), octets));
        }
    }

    /// Notes the length of the header under way, so that evidence can name the longest.
    fn note_length(&mut self) {
        let name = |line: &[u8]| {
            let colon = line.iter().position(|octet| *octet == b':');
            colon.map(|colon| line[..colon].trim_ascii().to_vec())
        };
        for line in [
            std::mem::take(&mut self.header),
            std::mem::take(&mut self.line),
        ] {
            if let Some(name) = name(&line).filter(|_| self.lines > 0) {
                self.note_longest(&name, line.len());
            }
        }
    }

    /// Reads the length as curl does: digits, whatever follows them. One beyond 64 bits is ignored.
    fn read_length(&mut self, value: &[u8]) -> Result<(), HeadFault> {
        for item in value.split(|octet| *octet == b',') {
            let item = item.trim_ascii();
            let item = item.strip_prefix(b"+").unwrap_or(item);
            let count = item
                .iter()
                .take_while(|octet| octet.is_ascii_digit())
                .count();
            if count == 0 {
                let text = format!("Content-Length is {}", show(value));
                return Err(HeadFault::Malformed(text.into()));
            }
            let digits = std::str::from_utf8(&item[..count]).unwrap_or_default();
            let Ok(octets) = digits.parse() else { continue };
            self.head.length = match self.head.length {
                Length::Octets(before) if before != octets => Length::Disputed(before, octets),
                Length::Disputed(first, second) => Length::Disputed(first, second),
                Length::Unsaid | Length::Octets(_) => Length::Octets(octets),
            };
        }
        Ok(())
    }
}

impl Head {
    /// Returns the framing of the body (RFC 9112, section 6.3), or the reason why it cannot be read.
    pub(in crate::probe) fn framing(&self, is_head: bool) -> Result<Framing, Box<str>> {
        if is_head || matches!(self.status, 100..=199 | 204 | 304) {
            return Ok(Framing::Over);
        }
        match (&self.coding, &self.length) {
            (Coding::Unknown(coding), _) => {
                Err(format!("Transfer-Encoding is {coding}, which is not known here").into())
            }
            // RFC 9112, section 6.3, rule 3: chunks override a length.
            (Coding::Chunked, _) => Ok(Framing::chunked()),
            (Coding::Plain, Length::Octets(octets)) => Ok(Framing::counted(*octets)),
            (Coding::Plain, Length::Disputed(first, second)) => {
                Err(format!("two Content-Length headers that differ, {first} and {second}").into())
            }
            (Coding::Plain, Length::Unsaid) => Ok(Framing::UntilClose),
        }
    }

    fn read_coding(&mut self, value: &[u8]) {
        for item in value.split(|octet| *octet == b',') {
            match item.trim_ascii().to_ascii_lowercase().as_slice() {
                b"" | b"identity" => {}
                b"chunked" if !matches!(self.coding, Coding::Unknown(_)) => {
                    self.coding = Coding::Chunked;
                }
                b"gzip" | b"x-gzip" | b"deflate" if self.encoding.is_none() => {
                    self.encoding = Some(item.trim_ascii().into());
                }
                _ => self.coding = Coding::Unknown(show(value)),
            }
        }
    }
}

/// Reads a status line: `HTTP/1.0`, `1.1`, `2` or `2.0`, blanks, three digits, whatever follows.
fn read_status(line: &[u8]) -> Result<u16, HeadFault> {
    let wrong = || HeadFault::Malformed(format!("the status line is {}", show(line)).into());
    // HTTP/2 has no status lines, but some servers write their own number; curl takes it.
    let rest = [&b"1.1 "[..], b"1.0 ", b"2.0 ", b"2 "]
        .iter()
        .find_map(|version| line.get(PROTOCOL.len()..)?.strip_prefix(*version))
        .ok_or_else(wrong)?;
    let rest = rest.trim_ascii_start();
    let digits = rest
        .iter()
        .take_while(|octet| octet.is_ascii_digit())
        .count();
    if line.contains(&0) || digits != 3 {
        return Err(wrong());
    }
    let code = rest[..3]
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    if code < 100 { Err(wrong()) } else { Ok(code) }
}

/// Names the protocol of octets that are no HTTP/1, as far as the first of them tell.
fn describe_foreign(line: &[u8]) -> Box<str> {
    match line {
        // A record of TLS: an alert or a handshake, any version.
        [0x15 | 0x16, 3, ..] => {
            "the peer speaks TLS on this port; `type = \"https\"` does too".into()
        }
        // A frame of settings, the first thing that a server of HTTP/2 sends.
        [0, 0, _, 4, ..] => {
            "the peer speaks HTTP/2 without TLS; only `type = \"grpc\"` does too".into()
        }
        _ => format!(
            "it begins with {}, which is no HTTP status line",
            show(line)
        )
        .into(),
    }
}

/// Shows octets in quotes, cut and escaped.
fn show(octets: &[u8]) -> Box<str> {
    let cut = &octets[..octets.len().min(SHOWN_MAX)];
    let text = String::from_utf8_lossy(cut.trim_ascii_end());
    let more = if cut.len() < octets.len() { "..." } else { "" };
    format!("{text:?}{more}").into()
}

/// Text after its leading empty lines.
trait TrimLines {
    fn trim_ascii_start_lines(&self) -> &[u8];
}

impl TrimLines for [u8] {
    fn trim_ascii_start_lines(&self) -> &[u8] {
        let blank = |octet: &&u8| matches!(octet, b'\r' | b'\n');
        &self[self.iter().take_while(blank).count()..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(octets: &[u8], piece: usize) -> Result<(Head, usize), HeadFault> {
        let mut reader = HeadReader::new(1_000);
        let mut before = 0;
        for piece in octets.chunks(piece) {
            if let Some(taken) = reader.take(piece)? {
                return Ok((reader.into_head(), before + taken));
            }
            before += piece.len();
        }
        reader.close()?;
        Ok((reader.into_head(), before))
    }

    #[test]
    fn names_what_is_wrong_with_a_head() {
        #[rustfmt::skip]
        let cases: [(&[u8], &str); 12] = [
            (b"SSH-2.0-OpenSSH_9.2\r\n", "it begins with \"SSH-2.0-OpenSSH_9.2\", which is no HTTP status line"),
            (b"ICY 200 OK\r\n", "it begins with \"ICY 200 OK\", which is no HTTP status line"),
            (b"<html>", "it begins with \"<html>\", which is no HTTP status line"),
            (b"\x15\x03\x03\x00\x02\x02\x32", "the peer speaks TLS on this port; `type = \"https\"` does too"),
            (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", "the peer speaks HTTP/2 without TLS; only `type = \"grpc\"` does too"),
            (b"HTTP/1.2 200 OK\r\n", "the status line is \"HTTP/1.2 200 OK\""),
            (b"HTTP/1.1 2000 OK\r\n", "the status line is \"HTTP/1.1 2000 OK\""),
            (b"HTTP/1.1 099 OK\r\n", "the status line is \"HTTP/1.1 099 OK\""),
            (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "the header \"no colon\" has no colon"),
            (b"HTTP/1.1 200 OK\r\nX-A: \0\r\n\r\n", "the header \"X-A\" holds a NUL"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "Content-Length is \"many\""),
            (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "Content-Length is \"-5\""),
        ];
        for (octets, wanted) in cases {
            let fault = read(octets, 100).expect_err(wanted);
            assert_eq!(fault, HeadFault::Malformed(wanted.into()));
        }
        assert_eq!(read(b"HTTP/1.1 200 OK", 9), Err(HeadFault::Cut));
        assert_eq!(read(b"", 9), Err(HeadFault::Cut));
    }

    #[test]
    fn names_the_header_that_is_too_long() {
        let long = format!(
            "HTTP/1.1 200 OK\r\nA: b\r\nSet-Cookie: {}\r\n",
            "x".repeat(2_000)
        );
        for piece in [1, 100, 4_000] {
            let fault = read(long.as_bytes(), piece).expect_err("too long");
            let HeadFault::TooLong(Some((name, _))) = fault else {
                panic!("{fault:?}")
            };
            assert_eq!(&*name, "\"Set-Cookie\"");
        }
    }

    #[test]
    fn finds_out_how_the_body_is_read() {
        let framing = |headers: &str| {
            let octets = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
            let (head, taken) = read(octets.as_bytes(), 7).expect(headers);
            assert_eq!(taken, octets.len(), "{headers}");
            head.framing(false)
        };
        #[rustfmt::skip]
        let cases = [
            ("", Ok(Framing::UntilClose)),
            ("content-length: 5\r\n", Ok(Framing::counted(5))),
            ("Content-Length : 5\r\nContent-Length: 5, 5\r\n", Ok(Framing::counted(5))),
            ("Content-Length:\r\n 5\r\n", Ok(Framing::counted(5))),
            (" ignored: x\r\nContent-Length: +5x\r\n", Ok(Framing::counted(5))),
            ("Content-Length: 99999999999999999999\r\n", Ok(Framing::UntilClose)),
            ("Content-Length: 3\r\nTransfer-Encoding: Chunked\r\n", Ok(Framing::chunked())),
            ("Transfer-Encoding: gzip, chunked\r\n", Ok(Framing::chunked())),
            ("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", Ok(Framing::counted(5))),
            ("Content-Length: 5\r\nContent-Length: 6\r\n", Err("two Content-Length headers that differ, 5 and 6".into())),
            ("Transfer-Encoding: foo, chunked\r\n", Err("Transfer-Encoding is \"foo, chunked\", which is not known here".into())),
        ];
        for (headers, wanted) in cases {
            assert_eq!(framing(headers), wanted, "{headers}");
        }
    }

    #[test]
    fn passes_over_interim_responses() {
        let octets = b"\r\nHTTP/1.1 103 Early Hints\nLink: </a>\n\nhttp/1.0  100\n\nHTTP/2 404OK\r\r\n\r\nbody";
        for piece in 1..octets.len() {
            let (head, taken) = read(octets, piece).expect("a head");
            assert_eq!((head.status, taken), (404, octets.len() - 4));
        }
        // Switching protocols ends what is HTTP.
        let (head, _) = read(b"HTTP/1.1 101 X\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 99).expect("a head");
        assert_eq!(head.status, 101);
    }

    proptest! {
        #[test]
        fn reads_the_same_in_pieces(octets: Vec<u8>, piece in 1usize..9) {
            let octets = [b"HTTP/1.1 200 OK\r\n".to_vec(), octets].concat();
            prop_assert_eq!(read(&octets, piece), read(&octets, octets.len()));
        }
    }
}
