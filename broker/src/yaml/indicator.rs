//! What YAML can do and our files must not: anchors, aliases, tags, block text, tabs.
//!
//! A light scan over quotes and comments. It need not agree with the parser to the letter: what it overlooks is still
//! bounded by the limits on depth and number of values, and what it refuses too much can be put in quotes.

use super::Lint;

/// Refuses the first such character.
pub fn check(text: &str) -> Result<(), Lint> {
    let mut scan = Scan { in_quotes: None, at_start: true, flow_depth: 0 };
    for (index, line) in text.lines().enumerate() {
        scan.at_start = true;
        let refuse = |(column, message)| Lint { line: index.saturating_add(1), column, message };
        scan.line(&line.chars().collect::<Vec<char>>()).map_err(refuse)?;
    }
    Ok(())
}

struct Scan {
    in_quotes: Option<char>,
    /// A value may begin here.
    at_start: bool,
    flow_depth: usize,
}

impl Scan {
    fn line(&mut self, chars: &[char]) -> Result<(), (usize, String)> {
        let mut before = ' ';
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            let next = chars.get(at.saturating_add(1)).copied().unwrap_or('\n');
            if let Some(quote) = self.in_quotes {
                let is_escape = (quote == '"' && c == '\\') || (quote == '\'' && c == '\'' && next == '\'');
                if !is_escape && c == quote {
                    self.in_quotes = None;
                }
                at = at.saturating_add(if is_escape { 2 } else { 1 });
                before = c;
                continue;
            }
            if c == '#' && before.is_whitespace() {
                return Ok(());
            }
            self.outside(c, next).map_err(|message| (at.saturating_add(1), message))?;
            at = at.saturating_add(1);
            before = c;
        }
        Ok(())
    }

    /// One character outside quotes and comments.
    fn outside(&mut self, c: char, next: char) -> Result<(), String> {
        let ends_key = next.is_whitespace() || (self.flow_depth > 0 && ",[]{}".contains(next));
        match c {
            '\t' => return Err("tabs are not allowed; indent with spaces".into()),
            ' ' => {}
            '\'' | '"' if self.at_start => {
                self.in_quotes = Some(c);
                self.at_start = false;
            }
            '&' | '*' | '!' | '|' | '>' if self.at_start => return Err(refusal(c)),
            '[' | '{' if self.at_start => self.flow_depth = self.flow_depth.saturating_add(1),
            ']' | '}' if self.flow_depth > 0 => {
                self.flow_depth = self.flow_depth.saturating_sub(1);
                self.at_start = false;
            }
            ',' if self.flow_depth > 0 => self.at_start = true,
            '-' | '?' if self.at_start && next.is_whitespace() => {}
            ':' if ends_key => self.at_start = true,
            _ => self.at_start = false,
        }
        Ok(())
    }
}

fn refusal(indicator: char) -> String {
    match indicator {
        '&' => "`&` begins a YAML anchor, which is not used here; write the value out, or put it in quotes".into(),
        '*' => "`*` begins a YAML alias, which is not used here; for a wildcard write \"*\" in quotes".into(),
        '!' => "`!` begins a YAML tag, which is not used here; put the value in quotes".into(),
        other => format!("`{other}` begins block text, which is not used here; put the text in quotes"),
    }
}
