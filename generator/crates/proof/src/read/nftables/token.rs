//! Tokens of nft(8), as its scanner divides a text (nftables 1.0.6, src/scanner.l).

use std::collections::BTreeMap;

use crate::read::ParseError;

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NftToken<'text> {
    /// A bare word, such as `accept`, `10.0.0.0/8` or `!=`.
    Word(&'text str),
    /// Text in quotes.
    Quoted(&'text str),
    /// `{`
    Open,
    /// `}`
    Close,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// The end of a line.
    Line,
}

impl NftToken<'_> {
    /// Whether a statement ends here.
    const fn is_end(self) -> bool {
        matches!(self, Self::Semicolon | Self::Line)
    }
}

/// More tokens than any firewall has: definitions that contain each other, or millions of lines, would need
/// all memory.
const MOST_TOKENS: usize = 1 << 20;

/// Operators, the longer ones first.
const OPERATORS: [&str; 9] = ["!=", "==", "<=", ">=", "!", "=", "<", ">", "|"];

/// The tokens of a file, with their lines.
pub(super) struct NftTokens<'text> {
    tokens: Vec<(NftToken<'text>, u32)>,
    position: usize,
    line: u32,
}

impl<'text> NftTokens<'text> {
    pub(super) fn split(text: &'text str) -> Result<Self, ParseError> {
        let mut tokens = Vec::new();
        let lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        for (line, text) in (1..).zip(lines) {
            split_line(text, line, &mut tokens)?;
            if tokens.len() > MOST_TOKENS {
                let message = format!("a firewall has less than {MOST_TOKENS} words and lines");
                return Err(ParseError { line, message });
            }
        }
        Ok(Self { tokens: without_definitions(&tokens)?, position: 0, line: 1 })
    }

    /// The line of the last token that was taken.
    pub(super) const fn line(&self) -> u32 {
        self.line
    }

    /// The position of the next token.
    pub(super) const fn position(&self) -> usize {
        self.position
    }

    /// Goes back to a position.
    pub(super) const fn rewind(&mut self, position: usize) {
        self.position = position;
    }

    pub(super) fn next(&mut self) -> Option<NftToken<'text>> {
        let (token, line) = self.tokens.get(self.position).copied()?;
        self.position += 1;
        self.line = line;
        Some(token)
    }

    pub(super) fn peek(&self) -> Option<NftToken<'text>> {
        self.tokens.get(self.position).map(|(token, _)| *token)
    }

    /// Takes the next token if it equals this one.
    pub(super) fn take(&mut self, token: NftToken<'_>) -> bool {
        let found = self.peek() == Some(token);
        if found {
            self.next();
        }
        found
    }

    /// Takes the next token if it is this word.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.take(NftToken::Word(word))
    }

    /// Whether the next token ends a statement.
    pub(super) fn is_at_end(&self) -> bool {
        self.peek().is_none_or(NftToken::is_end)
    }

    pub(super) fn skip_ends(&mut self) {
        while self.peek().is_some_and(NftToken::is_end) {
            self.next();
        }
    }

    pub(super) fn skip_lines(&mut self) {
        while self.take(NftToken::Line) {}
    }

    /// A block in braces: reads its items, each of which ends with a line or a semicolon.
    ///
    /// # Errors
    ///
    /// Those of the items; a brace or an end that is missing.
    pub(super) fn block(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        self.expect(NftToken::Open)?;
        loop {
            self.skip_ends();
            if self.take(NftToken::Close) {
                return Ok(());
            }
            item(self)?;
            self.expect_end()?;
        }
    }

    /// The end of a statement or block.
    pub(super) fn expect_end(&mut self) -> Result<(), ParseError> {
        match self.next() {
            Some(token) if token.is_end() => Ok(()),
            None => Err(self.error("the file ends too early")),
            Some(_) => Err(self.error("nft needs a semicolon or a new line before this")),
        }
    }

    pub(super) fn expect(&mut self, token: NftToken<'_>) -> Result<(), ParseError> {
        if self.take(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn word(&mut self) -> Result<&'text str, ParseError> {
        match self.peek() {
            Some(NftToken::Word(word)) => {
                self.next();
                Ok(word)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// A word, or text in quotes.
    pub(super) fn text(&mut self) -> Result<&'text str, ParseError> {
        match self.peek() {
            Some(NftToken::Word(text) | NftToken::Quoted(text)) => {
                self.next();
                Ok(text)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// A number that is not negative.
    pub(super) fn number(&mut self) -> Result<u64, ParseError> {
        let word = self.word()?;
        word.parse().map_err(|_| self.error(format!("`{word}` is not a number")))
    }

    /// Skips a block in braces.
    pub(super) fn skip_block(&mut self) -> Result<(), ParseError> {
        self.expect(NftToken::Open)?;
        let mut depth = 1_usize;
        while depth > 0 {
            match self.next() {
                Some(NftToken::Open) => depth += 1,
                Some(NftToken::Close) => depth -= 1,
                Some(_) => {}
                None => return Err(self.error("the file ends too early")),
            }
        }
        Ok(())
    }

    /// An error at the last token.
    pub(super) fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError { line: self.line, message: message.into() }
    }

    /// An error at the next token.
    pub(super) fn unexpected(&mut self) -> ParseError {
        let message = match self.next() {
            Some(NftToken::Word(word)) => format!("`{word}` is not understood here"),
            Some(NftToken::Quoted(text)) => format!("\"{text}\" is not understood here"),
            Some(NftToken::Open) => "`{` is not understood here".to_owned(),
            Some(NftToken::Close) => "`}` is not understood here".to_owned(),
            Some(NftToken::Comma) => "`,` is not understood here".to_owned(),
            Some(NftToken::Semicolon | NftToken::Line) => "the statement ends too early".to_owned(),
            None => "the file ends too early".to_owned(),
        };
        self.error(message)
    }
}

fn split_line<'text>(
    text: &'text str,
    line: u32,
    tokens: &mut Vec<(NftToken<'text>, u32)>,
) -> Result<(), ParseError> {
    let mut rest = skip_blanks(text);
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '#' => break,
            '\\' if rest.len() == 1 => return Ok(()),
            '{' => (NftToken::Open, &rest[1..]),
            '}' => (NftToken::Close, &rest[1..]),
            ',' => (NftToken::Comma, &rest[1..]),
            ';' => (NftToken::Semicolon, &rest[1..]),
            '"' => {
                let message = "the quotes are not closed".to_owned();
                let quoted = rest[1..].split_once('"');
                let (quoted, after) = quoted.ok_or(ParseError { line, message })?;
                (NftToken::Quoted(quoted), after)
            }
            _ => split_word(rest, line)?,
        };
        tokens.push((token, line));
        rest = skip_blanks(after);
    }
    tokens.push((NftToken::Line, line));
    Ok(())
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn split_word(rest: &str, line: u32) -> Result<(NftToken<'_>, &str), ParseError> {
    let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator));
    let is_part = |c: char| c.is_ascii_graphic() && !"{},;\"'#\\!=<>|".contains(c);
    let end = match operator {
        Some(operator) => operator.len(),
        None => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
    };
    if end == 0 {
        let character = rest.chars().next().unwrap_or_default();
        let message = match character {
            '\r' => "nft refuses lines that end with a carriage return".to_owned(),
            _ => format!("nft refuses the character {}", character.escape_unicode()),
        };
        return Err(ParseError { line, message });
    }
    Ok((NftToken::Word(&rest[..end]), &rest[end..]))
}

/// Replaces each `$name` by the tokens of `define name = …` above it.
fn without_definitions<'text>(
    tokens: &[(NftToken<'text>, u32)],
) -> Result<Vec<(NftToken<'text>, u32)>, ParseError> {
    let mut defined: BTreeMap<&str, Vec<NftToken<'text>>> = BTreeMap::new();
    let mut expanded: Vec<(NftToken<'text>, u32)> = Vec::new();
    let mut definition: Option<(&str, usize)> = None;
    let mut left = tokens.iter().copied();
    while let Some((token, line)) = left.next() {
        let fault = |message: String| ParseError { line, message };
        match (token, definition) {
            (NftToken::Word("define"), None) => {
                let (Some((NftToken::Word(name), _)), Some((NftToken::Word("="), _))) =
                    (left.next(), left.next())
                else {
                    return Err(fault("`define` is not understood here".to_owned()));
                };
                if defined.contains_key(name) {
                    return Err(fault(format!("`{name}` is defined twice")));
                }
                definition = Some((name, expanded.len()));
                continue;
            }
            (end, Some((name, start))) if end.is_end() && is_closed(&expanded[start..]) => {
                let body = expanded.drain(start..).map(|(token, _)| token).collect();
                defined.insert(name, body);
                definition = None;
            }
            (NftToken::Word(word), _) if word.starts_with('$') => {
                let body = defined.get(&word[1..]);
                let body = body.ok_or_else(|| fault(format!("`{word}` is not defined above")))?;
                expanded.extend(body.iter().map(|token| (*token, line)));
                if expanded.len() > MOST_TOKENS {
                    return Err(fault("the definitions are too long".to_owned()));
                }
                continue;
            }
            _ => {}
        }
        expanded.push((token, line));
    }
    Ok(expanded)
}

/// Whether each brace of a definition is closed.
fn is_closed(tokens: &[(NftToken<'_>, u32)]) -> bool {
    let count = |brace| tokens.iter().filter(|(token, _)| *token == brace).count();
    count(NftToken::Open) == count(NftToken::Close)
}
