//! Entry points of transports for fuzz targets: the reader of PROXY headers.
//!
//! In: any octets. Out: nothing. Never here: anything that a server runs; it is built for fuzzing only.

use super::proxy::{HEADER_MAX, NoHeader, Progress, read_header};

/// Reads octets as a header: whole, with more after it, and each beginning of it.
///
/// # Panics
/// If a header is read beyond its end, or its beginnings say another thing than the whole.
pub fn read_any_header(octets: &[u8]) {
    let read = read_header(octets);
    let Ok(Progress::Whole(origin, length)) = read else {
        // What is missing is told within the bound; what is no header stays none, whatever follows.
        if let Ok(Progress::Missing(missing)) = read {
            assert!(missing > 0 && octets.len() + missing <= HEADER_MAX);
        } else {
            let more = [octets, b"\r\n"].concat();
            assert_eq!(read_header(&more), Err(NoHeader));
        }
        return;
    };
    assert!(length <= octets.len() && length <= HEADER_MAX);
    let whole = Ok(Progress::Whole(origin, length));
    assert_eq!(read_header(&octets[..length]), whole);
    assert_eq!(read_header(&[octets, b"\0\xffrest"].concat()), whole);
    for end in 0..length {
        match read_header(&octets[..end]) {
            Ok(Progress::Missing(missing)) => {
                assert!(missing > 0 && end + missing <= length, "{missing} of {end}");
            }
            other => panic!("{end} of {length} octets: {other:?}"),
        }
    }
}
