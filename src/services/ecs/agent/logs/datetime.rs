//! Pure: what a line must have in it to begin an event, by `awslogs-datetime-format`.
//!
//! <https://docs.docker.com/engine/logging/drivers/awslogs/#awslogs-datetime-format> lists the codes.

/// What stands for a code of strftime; codes that the driver does not know stand for nothing.
fn code(letter: char) -> &'static str {
    match letter {
        'a' => "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
        'A' => "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)",
        'w' => "[0-6]",
        'd' => "(?:0[1-9]|[12][0-9]|3[01])",
        'b' => "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
        'B' => "(?:January|February|March|April|May|June|July|August|September|October|November|December)",
        'm' => "(?:0[1-9]|1[0-2])",
        'Y' => "[0-9]{4}",
        'y' => "[0-9]{2}",
        'H' => "(?:[01][0-9]|2[0-3])",
        'I' => "(?:0[0-9]|1[0-2])",
        'p' => "[AP]M",
        'M' | 'S' => "[0-5][0-9]",
        'f' => "[0-9]{6}",
        'z' => "[+-][0-9]{4}",
        'Z' => "[A-Z]{1,4}T",
        'j' => "(?:[0-2][0-9][0-9]|3[0-5][0-9]|36[0-6])",
        'L' => r"\.[0-9]{3}",
        _ => "",
    }
}

/// The format as a regular expression. What is not a code is taken as a part of the expression, as Docker takes it.
pub(super) fn pattern(format: &str) -> String {
    let mut pattern = String::with_capacity(format.len() * 4);
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '%') {
            (_, true) => match letters.next() {
                Some(letter) => pattern.push_str(code(letter)),
                None => pattern.push('%'),
            },
            (letter, false) => pattern.push(letter),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use regex::bytes::Regex;

    use super::*;

    #[test]
    fn times_of_a_format_are_found() {
        for (format, text) in [
            ("%Y-%m-%dT%H:%M:%S%L%z", "2026-11-21T16:56:24.460+0100 ERROR"),
            (r"\[%b %d, %Y %H:%M:%S\]", "[Nov 21, 2026 16:56:24] hello"),
            ("%d/%b/%Y:%H:%M:%S %z", r#"10.0.0.1 - - [21/Nov/2026:16:56:24 +0000] "GET /""#),
            ("%I:%M:%S %p", "04:56:24 PM"),
            ("%A %B %j %y %w %Z %f %a", "Saturday November 325 26 6 CET 460423 Sat"),
        ] {
            let regex = Regex::new(&pattern(format)).expect(format);
            assert!(regex.is_match(text.as_bytes()), "{format}: {text}");
            assert!(!regex.is_match(b"    at Main.java:12"), "{format}");
        }
        assert_eq!(pattern("100%"), "100%");
    }
}
