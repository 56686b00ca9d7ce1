//! What of a Rust file is code: a scanner that blanks out comments, strings and test modules, and keeps every line where
//! it was.

/// The code of a file: comments and the insides of literals replaced by blanks.
pub(super) fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let next = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => end_of_line(bytes, at),
            b'/' if bytes[at..].starts_with(b"/*") => end_of_comment(bytes, at),
            b'"' => end_of_string(bytes, at),
            b'r' | b'b' | b'c' if !is_word(bytes, at.wrapping_sub(1)) => match literal_prefix(bytes, at) {
                Some((quote, hashes)) => end_of_raw_string(bytes, quote, hashes),
                None => {
                    at += 1;
                    continue;
                }
            },
            b'\'' => match end_of_char(bytes, at) {
                Some(end) => end,
                None => {
                    at += 1;
                    continue;
                }
            },
            _ => {
                at += 1;
                continue;
            }
        };
        blank(&mut out, at, next);
        at = next;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The code that ships: as [`code`], and without what stands under `#[cfg(test)]`.
pub(super) fn shipped(text: &str) -> String {
    let code = code(text);
    let mut out = code.clone().into_bytes();
    for marker in ["#[cfg(test)]", "#[cfg(all(test"] {
        for (start, _) in code.match_indices(marker) {
            let end = end_of_item(code.as_bytes(), start);
            blank(&mut out, start, end);
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The modules that are declared under `#[cfg(test)]` and live in files of their own.
pub(super) fn test_modules(text: &str) -> Vec<String> {
    let code = code(text);
    let after = |(start, marker): (usize, &str)| {
        let rest = code.get(start + marker.len()..)?.trim_start();
        let (name, _) = rest.strip_prefix("mod ")?.split_once(';')?;
        name.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| name.to_owned())
    };
    code.match_indices("#[cfg(test)]").filter_map(after).collect()
}

/// Whether `word` stands in the line by itself; its ends may be anything but letters, digits and `_`.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    let bytes = line.as_bytes();
    line.match_indices(word).any(|(start, _)| {
        let end = start + word.len();
        let free_start = !is_word(word.as_bytes(), 0) || !is_word(bytes, start.wrapping_sub(1));
        let free_end = !is_word(word.as_bytes(), word.len() - 1) || !is_word(bytes, end);
        free_start && free_end
    })
}

fn is_word(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn blank(out: &mut [u8], start: usize, end: usize) {
    for byte in &mut out[start..end] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

fn end_of_line(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |len| at + len)
}

/// Block comments nest.
fn end_of_comment(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

fn end_of_string(bytes: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// For `r"`, `r#"`, `br"` and the like: where the quote is and how many hashes precede it.
fn literal_prefix(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut at = at;
    if matches!(bytes[at], b'b' | b'c') {
        at += 1;
    }
    if bytes.get(at) != Some(&b'r') {
        return None; // `b"…"` is an ordinary string, found at its quote
    }
    let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    let quote = at + 1 + hashes;
    (bytes.get(quote) == Some(&b'"')).then_some((quote, hashes))
}

fn end_of_raw_string(bytes: &[u8], quote: usize, hashes: usize) -> usize {
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let found = bytes[quote + 1..].windows(end.len()).position(|window| window == end);
    found.map_or(bytes.len(), |at| quote + 1 + at + end.len())
}

/// A character literal, as opposed to a lifetime.
fn end_of_char(bytes: &[u8], quote: usize) -> Option<usize> {
    if bytes.get(quote + 1) == Some(&b'\\') {
        let close = bytes.get(quote + 3..)?.iter().position(|byte| *byte == b'\'')?;
        return Some(quote + 3 + close + 1);
    }
    let text = core::str::from_utf8(bytes.get(quote + 1..bytes.len().min(quote + 5))?);
    let width = match text {
        Ok(text) => text.chars().next()?.len_utf8(),
        // Cut in the middle of a later character: the first one is whole.
        Err(error) => core::str::from_utf8(&bytes[quote + 1..quote + 1 + error.valid_up_to()])
            .ok()?
            .chars()
            .next()?
            .len_utf8(),
    };
    (bytes.get(quote + 1 + width) == Some(&b'\'')).then_some(quote + width + 2)
}

/// Past the attributes and the item that follow: to the end of its braces, or to its semicolon.
fn end_of_item(code: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while at < code.len() {
        match code[at] {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && code[at] == b'}' {
                    return at + 1;
                }
            }
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blank_and_lines_stay() {
        let text = "let a = \"x // \\\" y\"; // gone\n/* a /* b */ c */ let b = 'q'; let c: &'static str = r#\"z\"z\"#;\n";
        let code = code(text);
        assert_eq!(code.lines().count(), 2);
        assert_eq!(code.len(), text.len());
        for gone in ["gone", "x //", "y", "q", "z", "a /*"] {
            assert!(!code.contains(gone), "{gone} in {code}");
        }
        assert!(code.contains("&'static str") && code.contains("let b"));
    }

    #[test]
    fn characters_that_look_like_quotes_do_not_confuse() {
        assert!(code("let q = '\"'; let x = HashMap;").contains("HashMap"));
        assert!(code("let q = '\\''; let x = HashMap;").contains("HashMap"));
        assert!(code("let q = b'\\\\'; let x = HashMap;").contains("HashMap"));
        assert!(code("let q = 'é'; let s = \"é\"; let x = HashMap;").contains("HashMap"));
        assert!(code("fn f<'a>(x: &'a str) { HashMap }").contains("HashMap"));
        assert!(code("let bar = 1; attr\"s\" HashMap").contains("HashMap"));
    }

    #[test]
    fn what_stands_under_cfg_test_does_not_ship() {
        let text = "use A;\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n  fn f() { B }\n}\nuse C;\n#[cfg(test)]\nuse D;\nuse E;\n";
        let code = shipped(text);
        assert!(["A", "C", "E"].iter().all(|kept| code.contains(kept)));
        assert!(["B", "D"].iter().all(|gone| !code.contains(gone)));
        assert_eq!(
            test_modules("#[cfg(test)]\nmod oracle;\nmod other;\n#[cfg(test)]\nmod tests {}"),
            ["oracle"]
        );
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("x: HashMap<K>", "HashMap"));
        assert!(!has_word("MyHashMapLike", "HashMap"));
        assert!(has_word("use rand::rng", "rand::"));
        assert!(!has_word("use operand::x", "rand::"));
    }
}
