//! Words of nft(8), line by line: a newline ends a statement there, as a semicolon does.

use std::iter::Peekable;
use std::vec::IntoIter;

use crate::read::Unread;

/// One word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'text> {
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

/// The words of a file, with their lines.
pub(super) struct Tokens<'text> {
    left: Peekable<IntoIter<(Token<'text>, u32)>>,
    line: u32,
}

impl<'text> Tokens<'text> {
    pub(super) fn of(text: &'text str) -> Result<Self, Unread> {
        let mut tokens = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            split(text, line, &mut tokens)?;
            tokens.push((Token::End, line));
        }
        Ok(Self { left: tokens.into_iter().peekable(), line: 1 })
    }

    /// The line of the last word that was taken.
    pub(super) fn line(&self) -> u32 {
        self.line
    }

    pub(super) fn next(&mut self) -> Option<Token<'text>> {
        let (token, line) = self.left.next()?;
        self.line = line;
        Some(token)
    }

    pub(super) fn peek(&mut self) -> Option<Token<'text>> {
        self.left.peek().map(|(token, _)| *token)
    }

    /// Takes the next word if it is this one.
    pub(super) fn take(&mut self, token: Token<'_>) -> bool {
        let found = self.peek() == Some(token);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn skip_ends(&mut self) {
        while self.take(Token::End) {}
    }

    pub(super) fn expect(&mut self, token: Token<'_>) -> Result<(), Unread> {
        if self.take(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn word(&mut self) -> Result<&'text str, Unread> {
        match self.peek() {
            Some(Token::Word(word)) => {
                self.next();
                Ok(word)
            }
            _ => Err(self.unexpected()),
        }
    }

    pub(super) fn quoted(&mut self) -> Result<&'text str, Unread> {
        match self.peek() {
            Some(Token::Quoted(text)) => {
                self.next();
                Ok(text)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// An error at the last word.
    pub(super) fn error(&self, message: impl Into<String>) -> Unread {
        Unread { line: self.line, message: message.into() }
    }

    /// An error at the next word.
    pub(super) fn unexpected(&mut self) -> Unread {
        let message = match self.next() {
            Some(Token::Word(word)) => format!("`{word}` is not understood here"),
            Some(Token::Quoted(text)) => format!("\"{text}\" is not understood here"),
            Some(Token::Open) => "`{` is not understood here".to_owned(),
            Some(Token::Close) => "`}` is not understood here".to_owned(),
            Some(Token::Comma) => "`,` is not understood here".to_owned(),
            Some(Token::End) => "the statement ends too early".to_owned(),
            None => "the file ends too early".to_owned(),
        };
        self.error(message)
    }
}

fn split<'text>(
    text: &'text str,
    line: u32,
    tokens: &mut Vec<(Token<'text>, u32)>,
) -> Result<(), Unread> {
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '#' => return Ok(()),
            '{' => (Token::Open, &rest[1..]),
            '}' => (Token::Close, &rest[1..]),
            ',' => (Token::Comma, &rest[1..]),
            ';' => (Token::End, &rest[1..]),
            '"' => {
                let message = "the quotes are not closed".to_owned();
                let quoted = rest[1..].split_once('"');
                let (quoted, after) = quoted.ok_or(Unread { line, message })?;
                (Token::Quoted(quoted), after)
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || "{},;\"#".contains(c);
                let end = rest.find(ends).unwrap_or(rest.len());
                (Token::Word(&rest[..end]), &rest[end..])
            }
        };
        tokens.push((token, line));
        rest = after.trim_start();
    }
    Ok(())
}
