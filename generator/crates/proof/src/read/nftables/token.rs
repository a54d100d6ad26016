//! Tokens of nft(8). A newline ends a statement, as a semicolon does.

use std::iter::Peekable;
use std::vec::IntoIter;

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
    /// A semicolon or the end of a line.
    End,
}

/// The tokens of a file, with their lines.
pub(super) struct NftTokens<'text> {
    left: Peekable<IntoIter<(NftToken<'text>, u32)>>,
    line: u32,
}

impl<'text> NftTokens<'text> {
    pub(super) fn split(text: &'text str) -> Result<Self, ParseError> {
        let mut tokens = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            split_line(text, line, &mut tokens)?;
            tokens.push((NftToken::End, line));
        }
        Ok(Self { left: tokens.into_iter().peekable(), line: 1 })
    }

    /// The line of the last token that was taken.
    pub(super) fn line(&self) -> u32 {
        self.line
    }

    pub(super) fn next(&mut self) -> Option<NftToken<'text>> {
        let (token, line) = self.left.next()?;
        self.line = line;
        Some(token)
    }

    pub(super) fn peek(&mut self) -> Option<NftToken<'text>> {
        self.left.peek().map(|(token, _)| *token)
    }

    /// Takes the next token if it equals this one.
    pub(super) fn take(&mut self, token: NftToken<'_>) -> bool {
        let found = self.peek() == Some(token);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn skip_ends(&mut self) {
        while self.take(NftToken::End) {}
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

    pub(super) fn quoted(&mut self) -> Result<&'text str, ParseError> {
        match self.peek() {
            Some(NftToken::Quoted(text)) => {
                self.next();
                Ok(text)
            }
            _ => Err(self.unexpected()),
        }
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
            Some(NftToken::End) => "the statement ends too early".to_owned(),
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
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '#' => return Ok(()),
            '{' => (NftToken::Open, &rest[1..]),
            '}' => (NftToken::Close, &rest[1..]),
            ',' => (NftToken::Comma, &rest[1..]),
            ';' => (NftToken::End, &rest[1..]),
            '"' => {
                let message = "the quotes are not closed".to_owned();
                let quoted = rest[1..].split_once('"');
                let (quoted, after) = quoted.ok_or(ParseError { line, message })?;
                (NftToken::Quoted(quoted), after)
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || "{},;\"#".contains(c);
                let end = rest.find(ends).unwrap_or(rest.len());
                (NftToken::Word(&rest[..end]), &rest[end..])
            }
        };
        tokens.push((token, line));
        rest = after.trim_start();
    }
    Ok(())
}
