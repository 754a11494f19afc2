//! Parses text to a tree: the brackets, names and values of a RON document, each with its place. Knows no settings.
//!
//! Only the structure is parsed here; the crate `ron` parses numbers and texts, value by value. So every value keeps
//! its span, and one fault does not hide the others.

use crate::limits;
use std::ops::Range;

/// A value and its place in the text.
#[derive(Debug)]
pub struct RonNode {
    /// Number of this node, in the order of reading.
    pub id: usize,
    /// Its span in the text, in bytes.
    pub span: Range<usize>,
    /// Its kind and content.
    pub kind: NodeKind,
}

/// The kind and content of a value.
#[derive(Debug)]
pub enum NodeKind {
    /// A number, not yet parsed.
    Number,
    /// A text in quotes, not yet parsed.
    Text,
    /// A single character, or bytes: no field of a scenario accepts them.
    Other,
    /// `[a, b]`.
    List(Vec<RonNode>),
    /// `(a, name: b)`.
    Group(Vec<GroupItem>),
    /// `Name` or `Name(a, name: b)`.
    Name(Range<usize>, Option<Vec<GroupItem>>),
}

/// One item of a group.
#[derive(Debug)]
pub struct GroupItem {
    /// The field's name, if it has one.
    pub name: Option<Range<usize>>,
    /// The value.
    pub node: RonNode,
}

/// A fault and its position in bytes.
pub type SourceFault = (usize, String);

/// Parses a whole document: headers, then one value and nothing after it.
///
/// # Errors
/// All faults of the structure that could be separated.
pub fn read(text: &str) -> Result<RonNode, Vec<SourceFault>> {
    let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut reader = RonReader { text, at: start, depth: 0, nodes: 0, faults: Vec::new() };
    match reader.document() {
        Ok(node) if reader.faults.is_empty() => Ok(node),
        _ => Err(reader.faults),
    }
}

/// Parsing cannot go on after a fault, which is already noted.
struct ParseStopped;

struct RonReader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    nodes: usize,
    faults: Vec<SourceFault>,
}

impl RonReader<'_> {
    fn document(&mut self) -> Result<RonNode, ParseStopped> {
        self.space()?;
        while self.rest().starts_with("#!") {
            self.header()?;
            self.space()?;
        }
        if self.rest().is_empty() {
            return self.stop(self.at, "nothing here; a scenario begins with `(` and ends with `)`");
        }
        let node = self.value()?;
        self.space()?;
        match self.peek() {
            None => Ok(node),
            Some(c) => self.stop(self.at, format!("{} after the end of the document", shown(c))),
        }
    }

    /// `#![enable(unwrap_newtypes, implicit_some)]`: accepted and ignored, since both are always on.
    fn header(&mut self) -> Result<(), ParseStopped> {
        let start = self.at;
        self.at += 2;
        self.space()?;
        if self.peek() != Some('[') {
            return self.stop(start, "a header looks like #![enable(implicit_some)]");
        }
        let node = self.value()?;
        let NodeKind::List(items) = &node.kind else { return Ok(()) };
        for item in items {
            let NodeKind::Name(name, inner) = &item.kind else { continue };
            let known = match (&self.text[name.clone()], inner) {
                ("enable", Some(wanted)) => wanted.iter().all(|w| {
                    let known = [
                        "unwrap_newtypes",
                        "implicit_some",
                        "unwrap_variant_newtypes",
                        "explicit_struct_names",
                    ];
                    known.contains(&&self.text[w.node.span.clone()])
                }),
                ("type" | "schema", _) => true,
                _ => false,
            };
            if !known {
                self.fault(
                    name.start,
                    "unknown header; allowed are unwrap_newtypes, implicit_some, unwrap_variant_newtypes",
                );
            }
        }
        Ok(())
    }

    fn value(&mut self) -> Result<RonNode, ParseStopped> {
        let start = self.at;
        let Some(c) = self.peek() else {
            return self.stop(start, "the file ends where a value should stand");
        };
        let kind = match c {
            '[' => NodeKind::List(self.items('[', ']')?.into_iter().map(|i| i.node).collect()),
            '(' => NodeKind::Group(self.items('(', ')')?),
            '{' => {
                return self
                    .stop(start, "`{` has no meaning in a scenario; settings stand in ( ), lists in [ ]");
            }
            '"' => self.quoted('"', NodeKind::Text)?,
            '\'' => self.quoted('\'', NodeKind::Other)?,
            '0'..='9' | '+' | '-' | '.' => {
                self.skip_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '-'));
                NodeKind::Number
            }
            _ if self.rest().starts_with("r\"") || self.raw_hashes().is_some() => self.raw()?,
            _ if self.rest().starts_with("b\"") || self.rest().starts_with("b'") => {
                self.at += 1;
                self.quoted(if self.rest().starts_with('"') { '"' } else { '\'' }, NodeKind::Other)?
            }
            _ => match self.name() {
                Some(name) => return self.named(start, name),
                None => {
                    return self.stop(start, format!("{} where a value should stand", shown(c)));
                }
            },
        };
        Ok(self.node(start, kind))
    }

    /// The rest of a value that begins with a name.
    fn named(&mut self, start: usize, name: Range<usize>) -> Result<RonNode, ParseStopped> {
        let end = self.at;
        self.space()?;
        if self.peek() == Some('(') {
            let items = self.items('(', ')')?;
            return Ok(self.node(start, NodeKind::Name(name, Some(items))));
        }
        // `header = "text"` occurs in headers only.
        if self.peek() == Some('=') && self.depth == 1 {
            self.at += 1;
            self.space()?;
            self.value()?;
        } else {
            self.at = end;
        }
        Ok(self.node(start, NodeKind::Name(name, None)))
    }

    /// The items between two brackets.
    fn items(&mut self, open: char, close: char) -> Result<Vec<GroupItem>, ParseStopped> {
        let start = self.at;
        self.at += 1;
        self.depth += 1;
        if self.depth > limits::NESTING {
            return self.stop(start, format!("brackets nested more than {} deep", limits::NESTING));
        }
        let mut items = Vec::new();
        loop {
            self.space()?;
            match self.peek() {
                None => {
                    return self
                        .stop(start, format!("this `{open}` is never closed; a `{close}` is missing"));
                }
                Some(c) if c == close => break,
                Some(c @ (')' | ']' | '}')) => {
                    let line = self.text[..start].matches('\n').count() + 1;
                    let what = format!("`{c}` here, but the `{open}` of line {line} waits for its `{close}`");
                    return self.stop(self.at, what);
                }
                Some(_) => items.push(self.item(open)?),
            }
            let end = self.at;
            self.space()?;
            match self.peek() {
                Some(',') => self.at += 1,
                None | Some(')' | ']' | '}') => {}
                Some(_) => self.fault(end, "a comma is missing after this"),
            }
            if self.faults.len() >= limits::FAULTS {
                return Err(ParseStopped);
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(items)
    }

    fn item(&mut self, open: char) -> Result<GroupItem, ParseStopped> {
        let start = self.at;
        let raw_text = self.rest().starts_with("r\"") || self.raw_hashes().is_some();
        let bytes = self.rest().starts_with("b\"") || self.rest().starts_with("b'");
        if raw_text || bytes {
            return Ok(GroupItem { name: None, node: self.value()? });
        }
        let Some(name) = self.name() else { return Ok(GroupItem { name: None, node: self.value()? }) };
        let end = self.at;
        self.space()?;
        if self.peek() == Some(':') {
            if open == '[' {
                return self.stop(self.at, "a list has no names; `name: value` stands in ( )");
            }
            self.at += 1;
            self.space()?;
            if matches!(self.peek(), Some(',' | ')' | ']')) {
                return self
                    .stop(self.at, format!("{} has no value", crate::text::excerpt(&self.text[name], 40)));
            }
            return Ok(GroupItem { name: Some(name), node: self.value()? });
        }
        self.at = end;
        Ok(GroupItem { name: None, node: self.named(start, name)? })
    }

    /// A name, also in the form `r#name`; nothing if something else is here.
    fn name(&mut self) -> Option<Range<usize>> {
        let rest = self.rest();
        let skip = if rest.starts_with("r#") { 2 } else { 0 };
        let first = rest[skip..].chars().next()?;
        if !(first == '_' || first.is_alphabetic()) {
            return None;
        }
        self.at += skip;
        let start = self.at;
        self.skip_while(|c| c == '_' || c.is_alphanumeric());
        Some(start..self.at)
    }

    /// A text or character whose opening quote is here.
    fn quoted(&mut self, quote: char, kind: NodeKind) -> Result<NodeKind, ParseStopped> {
        let start = self.at;
        let mut escaped = false;
        for (i, c) in self.rest().char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == quote => {
                    self.at += i + 1;
                    return Ok(kind);
                }
                _ => {}
            }
        }
        self.stop(start, format!("the text that begins here is never closed; a {quote} is missing"))
    }

    /// The number of # of a raw text `r#"..."#` that begins here.
    fn raw_hashes(&self) -> Option<usize> {
        let rest = self.rest().strip_prefix("r#")?;
        let more = rest.bytes().take_while(|&b| b == b'#').count();
        rest[more..].starts_with('"').then_some(more + 1)
    }

    fn raw(&mut self) -> Result<NodeKind, ParseStopped> {
        let start = self.at;
        let hashes = self.raw_hashes().unwrap_or(0);
        let end = format!("\"{}", "#".repeat(hashes));
        let inner = start + 2 + hashes;
        match self.text[inner..].find(&end) {
            Some(n) => {
                self.at = inner + n + end.len();
                Ok(NodeKind::Text)
            }
            None => {
                self.stop(start, format!("the raw text that begins here is never closed; {end} is missing"))
            }
        }
    }

    /// White space and comments.
    fn space(&mut self) -> Result<(), ParseStopped> {
        loop {
            self.skip_while(|c| {
                matches!(c, ' ' | '\t'..='\r' | '\u{85}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
            });
            if self.rest().starts_with("//") {
                self.skip_while(|c| c != '\n');
            } else if self.rest().starts_with("/*") {
                self.comment()?;
            } else {
                return Ok(());
            }
        }
    }

    /// A comment /* which /* may */ nest */.
    fn comment(&mut self) -> Result<(), ParseStopped> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut depth = 0usize;
        while self.at < bytes.len() {
            match bytes.get(self.at..self.at + 2) {
                Some(b"/*") => {
                    depth += 1;
                    self.at += 2;
                    if depth > limits::NESTING {
                        return self
                            .stop(start, format!("comments nested more than {} deep", limits::NESTING));
                    }
                }
                Some(b"*/") => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ => self.at += 1,
            }
        }
        self.stop(start, "the comment that begins here is never closed; */ is missing")
    }

    fn node(&mut self, start: usize, kind: NodeKind) -> RonNode {
        self.nodes += 1;
        RonNode { id: self.nodes, span: start..self.at, kind }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !wanted(c)).unwrap_or(rest.len());
    }

    fn fault(&mut self, at: usize, what: impl Into<String>) {
        self.faults.push((at, what.into()));
    }

    fn stop<T>(&mut self, at: usize, what: impl Into<String>) -> Result<T, ParseStopped> {
        self.fault(at, what);
        Err(ParseStopped)
    }
}

/// A character in the form that messages use.
fn shown(c: char) -> String {
    format!("`{}`", crate::text::escaped(&c.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<SourceFault> {
        read(text).map(|_| ()).unwrap_err()
    }

    #[test]
    fn everything_that_ron_calls_white_space_or_header_is_passed_over() {
        let text = "\u{feff}// note\r\n#![enable(implicit_some, unwrap_variant_newtypes)]\r\n#![type = \"x\"]\r\n\
                    /* a /* b */ c */ ( a : 1 , b : [ 1 , ] , r#type : r##\"x\"#\"## , ) // end";
        let node = read(text).unwrap();
        let NodeKind::Group(items) = &node.kind else { panic!("{node:?}") };
        let names: Vec<_> = items.iter().map(|i| &text[i.name.clone().unwrap()]).collect();
        assert_eq!(names, ["a", "b", "type"]);
        assert_eq!(&text[items[2].node.span.clone()], "r##\"x\"#\"##");
    }

    #[test]
    fn names_take_their_group_whether_or_not_space_lies_between() {
        for text in ["Dense(64)", "Dense (64)", "Dense/*x*/(64)"] {
            assert!(matches!(read(text).unwrap().kind, NodeKind::Name(_, Some(_))), "{text}");
        }
        assert!(matches!(read("Sigmoid").unwrap().kind, NodeKind::Name(_, None)));
    }

    #[test]
    fn depth_is_limited_for_every_bracket_and_comment() {
        for open in ["[", "(", "Some(", "(a:", "/*"] {
            for depth in [300, 20_000] {
                let found = faults(&open.repeat(depth));
                assert!(found[0].1.contains("64 deep"), "{open}: {found:?}");
            }
        }
    }

    #[test]
    fn missing_commas_are_all_told_and_an_open_bracket_points_to_itself() {
        let found = faults("(a: 1 b: 2 c: 3)");
        assert_eq!(found.iter().map(|f| f.0).collect::<Vec<_>>(), [5, 10]);
        assert_eq!(faults("(a: [1, 2)")[0].0, 9);
        assert_eq!(faults("(a: (1")[0].0, 4);
        assert_eq!(faults("(a: \"x)")[0].0, 4);
        for text in ["", "()x", "(a:)", "(,)", "{}", "(a: $)", "[a: 1]", "#!x ()"] {
            assert!(!faults(text).is_empty(), "{text}");
        }
    }
}
