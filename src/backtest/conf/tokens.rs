//! nginx's syntax (`ngx_conf_read_token`): words, quotes, escapes, comments, blocks.

/// A word, or a sign between words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    /// `;`
    End,
    /// `{`
    Open,
    /// `}`
    Close,
}

/// Reads tokens one after the other.
#[derive(Debug)]
pub(super) struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
    line: u32,
}

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        // nginx does not know byte order marks, editors do.
        let at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Tokens { text, at, line: 1 }
    }

    /// The line that is being read.
    pub(super) fn line(&self) -> u32 {
        self.line
    }

    /// The place that is being read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        self.line += u32::from(byte == b'\n');
        Some(byte)
    }

    /// The next token with the line it begins in; `None` at the end. The error is a sentence.
    pub(super) fn next(&mut self) -> Result<Option<(Token, u32)>, String> {
        loop {
            match self.peek() {
                None => return Ok(None),
                Some(b' ' | b'\t' | b'\r' | b'\n') => {
                    self.take();
                }
                Some(b'#') => while !matches!(self.take(), None | Some(b'\n')) {},
                Some(_) => break,
            }
        }
        let line = self.line;
        let sign = match self.peek() {
            Some(b';') => Some(Token::End),
            Some(b'{') => Some(Token::Open),
            Some(b'}') => Some(Token::Close),
            _ => None,
        };
        if let Some(sign) = sign {
            self.take();
            return Ok(Some((sign, line)));
        }
        let word = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote)?,
            _ => self.plain(),
        };
        Ok(Some((Token::Word(word), line)))
    }

    fn quoted(&mut self, quote: u8) -> Result<String, String> {
        let began = self.line;
        self.take();
        let mut word = Vec::new();
        loop {
            match self.take() {
                None => return Err(format!("the text that begins in line {began} has no end")),
                Some(byte) if byte == quote => break,
                Some(b'\\') => self.escaped(&mut word),
                Some(byte) => word.push(byte),
            }
        }
        match self.peek() {
            None | Some(b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' | b')') => Ok(text(&word)),
            Some(other) => Err(format!(
                "unexpected \"{}\" after a quoted text",
                char::from(other).escape_debug()
            )),
        }
    }

    fn plain(&mut self) -> String {
        let mut word = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' => break,
                // Of `${name}` the brace belongs to the word.
                b'{' if word.last() != Some(&b'$') => break,
                b'\\' => {
                    self.take();
                    self.escaped(&mut word);
                }
                _ => {
                    self.take();
                    word.push(byte);
                }
            }
        }
        text(&word)
    }

    /// What follows a backslash, which stays where it means nothing.
    fn escaped(&mut self, word: &mut Vec<u8>) {
        match self.take() {
            Some(byte @ (b'"' | b'\'' | b'\\')) => word.push(byte),
            Some(b't') => word.push(b'\t'),
            Some(b'r') => word.push(b'\r'),
            Some(b'n') => word.push(b'\n'),
            Some(byte) => word.extend([b'\\', byte]),
            None => word.push(b'\\'),
        }
    }

    /// Skips a block of another language (`content_by_lua_block`) up to its end. The opening brace
    /// has been read.
    pub(super) fn skip_block(&mut self) -> Result<(), String> {
        let began = self.line;
        let mut depth = 1_usize;
        while depth > 0 {
            match self.take() {
                None => return Err(format!("the block that begins in line {began} has no end")),
                Some(b'{') => depth += 1,
                Some(b'}') => depth -= 1,
                Some(quote @ (b'"' | b'\'')) => loop {
                    match self.take() {
                        None | Some(b'\n') => break,
                        Some(b'\\') => {
                            self.take();
                        }
                        Some(byte) if byte == quote => break,
                        Some(_) => {}
                    }
                },
                Some(b'-') if self.peek() == Some(b'-') => {
                    while !matches!(self.peek(), None | Some(b'\n')) {
                        self.take();
                    }
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &str) -> Result<Vec<Token>, String> {
        let mut tokens = Tokens::new(text.as_bytes());
        let mut found = Vec::new();
        while let Some((token, _)) = tokens.next()? {
            found.push(token);
        }
        Ok(found)
    }

    fn words(text: &str) -> Vec<String> {
        let tokens = all(text).expect("tokens");
        tokens
            .into_iter()
            .map(|token| match token {
                Token::Word(word) => word,
                Token::End => ";".to_owned(),
                Token::Open => "{".to_owned(),
                Token::Close => "}".to_owned(),
            })
            .collect()
    }

    #[test]
    fn words_are_split_as_nginx_splits_them() {
        assert_eq!(words("a  b\t'c d' \"e;f\";"), ["a", "b", "c d", "e;f", ";"]);
        assert_eq!(words("a{b c;}"), ["a", "{", "b", "c", ";", "}"]);
        assert_eq!(words("a # not { this ; \n b;"), ["a", "b", ";"]);
        assert_eq!(words("a#b;"), ["a#b", ";"]);
        assert_eq!(words("return ${host}x;"), ["return", "${host}x", ";"]);
        assert_eq!(words(r#""a\"b\\c\qd" x\;y;"#), [r#"a"b\c\qd"#, r"x\;y", ";"]);
        assert_eq!(words("a=\"b c\";"), ["a=\"b", "c\"", ";"], "quotes within a word are plain");
        assert_eq!(words("a}b;"), ["a}b", ";"]);
    }

    #[test]
    fn lines_are_counted() {
        let mut tokens = Tokens::new(b"a\n\n'b\nc' d;");
        let mut lines = Vec::new();
        while let Some((_, line)) = tokens.next().expect("tokens") {
            lines.push(line);
        }
        assert_eq!(lines, [1, 3, 4, 4]);
    }

    #[test]
    fn what_does_not_end_is_an_error() {
        assert!(all("a 'b").is_err());
        assert!(all("a 'b'c;").is_err());
        let mut tokens = Tokens::new(b"{ if x then { }");
        tokens.next().expect("a brace");
        assert!(tokens.skip_block().is_err());
    }

    #[test]
    fn lua_is_skipped() {
        let mut tokens = Tokens::new(b"{ x = '}' -- }\n if y then {} end } next;");
        tokens.next().expect("a brace");
        tokens.skip_block().expect("its end");
        assert_eq!(tokens.next(), Ok(Some((Token::Word("next".to_owned()), 2))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail_otherwise_than_with_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut tokens = Tokens::new(&bytes);
            let mut steps = 0;
            while let Ok(Some(_)) = tokens.next() {
                steps += 1;
                prop_assert!(steps <= bytes.len());
            }
        }
    }
}
