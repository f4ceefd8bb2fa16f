//! One pattern, taken apart into components: what `globset` leaves open is decided here.

use crate::GlobError;

/// Component that stands for any number of components.
const ANY_DEPTH: &str = "**";

/// A pattern that is valid as far as this crate's dialect goes.
#[derive(Debug)]
pub(crate) struct Pattern {
    source: String,
    components: Vec<String>,
    /// Whether the path itself is matched.
    itself: bool,
    /// Whether everything beneath is matched too.
    beneath: bool,
}

impl Pattern {
    pub(crate) fn parse(source: &str) -> Result<Self, GlobError> {
        let mut components = components(source).map_err(|reason| invalid(source, &reason))?;
        // What is left of `.` is nothing: the root, and so everything.
        if components.is_empty() {
            components.push(ANY_DEPTH.to_owned());
        }
        let literal = components.last().is_some_and(|last| !last.contains(['*', '?', '[', '{']));
        let slash = source.ends_with('/');
        let beneath = (literal || slash) && components.last().is_some_and(|last| last != ANY_DEPTH);
        let itself = literal || !beneath;
        Ok(Self { source: source.to_owned(), components, itself, beneath })
    }

    pub(crate) fn invalid(&self, reason: &str) -> GlobError {
        invalid(&self.source, reason)
    }

    /// Globs of the paths it matches.
    pub(crate) fn globs(&self) -> Vec<String> {
        let path = self.components.join("/");
        let beneath = self.beneath.then(|| format!("{path}/**"));
        self.itself.then_some(path).into_iter().chain(beneath).collect()
    }

    /// Globs of the directories on the way to what it matches.
    pub(crate) fn ways(&self) -> Vec<String> {
        let mut ways = Vec::new();
        for (index, component) in self.components.iter().enumerate() {
            // Alternatives with a slash have no component of their own: look everywhere there.
            if component == ANY_DEPTH || component.contains('/') {
                ways.push([&self.components[..index], &[ANY_DEPTH.to_owned()]].concat().join("/"));
                return ways;
            }
            ways.push(self.components[..=index].join("/"));
        }
        match ways.pop() {
            Some(path) if self.beneath => ways.extend([format!("{path}/**"), path]),
            _ => {}
        }
        ways
    }

    /// Globs of the directories in which it matches everything.
    pub(crate) fn emptied(&self) -> Vec<String> {
        match self.components.split_last() {
            _ if self.beneath => vec![self.components.join("/")],
            Some((last, parents)) if last == ANY_DEPTH && !parents.is_empty() => {
                vec![parents.join("/")]
            }
            _ => Vec::new(),
        }
    }

    /// Whether it matches every path.
    pub(crate) fn is_everything(&self) -> bool {
        self.components == [ANY_DEPTH]
    }
}

fn invalid(pattern: &str, reason: &str) -> GlobError {
    GlobError { pattern: pattern.to_owned(), reason: reason.to_owned() }
}

/// Components of a pattern, without the empty and `.` ones.
fn components(source: &str) -> Result<Vec<String>, String> {
    if source.is_empty() {
        return Err("it is empty".into());
    }
    if source.starts_with('/') {
        return Err("it is absolute, and patterns are relative".into());
    }
    if source.contains('\0') {
        return Err("it contains a NUL character".into());
    }
    let components = Scanner::default().scan(source)?;
    for component in &components {
        check_component(component)?;
    }
    Ok(components.into_iter().filter(|name| !name.is_empty() && name != ".").collect())
}

fn check_component(component: &str) -> Result<(), String> {
    let mut names = component.split(['/', '{', ',', '}']);
    if names.any(|name| name == "..") {
        return Err("it contains `..`, and nothing outside the root can match".into());
    }
    if component != ANY_DEPTH && component.contains(ANY_DEPTH) {
        return Err("`**` must be a whole component, between slashes".into());
    }
    Ok(())
}

/// Splits a pattern at the slashes outside of alternatives, and looks into its classes.
#[derive(Default)]
struct Scanner {
    components: Vec<String>,
    current: String,
    depth: usize,
}

impl Scanner {
    fn scan(mut self, source: &str) -> Result<Vec<String>, String> {
        let mut rest = source.chars();
        while let Some(next) = rest.next() {
            match next {
                '/' if self.depth == 0 => self.components.push(std::mem::take(&mut self.current)),
                '[' => {
                    let class = class(&mut rest)?;
                    self.current.push_str(&class);
                }
                '\\' => {
                    let escaped = rest.next().ok_or("it ends in a lone `\\`")?;
                    self.current.extend([next, escaped]);
                }
                _ => {
                    match next {
                        '{' => self.depth += 1,
                        '}' => self.depth = self.depth.saturating_sub(1),
                        _ => {}
                    }
                    self.current.push(next);
                }
            }
        }
        self.components.push(self.current);
        Ok(self.components)
    }
}

/// The class whose `[` was just read, made never to match a slash.
fn class(rest: &mut std::str::Chars<'_>) -> Result<String, String> {
    let (body, after) = rest.as_str().split_once(']').ok_or("a `[` has no `]`")?;
    *rest = after.chars();
    let negated = body.starts_with(['!', '^']);
    let members = if negated { &body[1..] } else { body };
    if members.is_empty() {
        return Err("a class is empty; write `\\[` or `\\]` for the bracket itself".into());
    }
    if !members.is_ascii() {
        return Err(format!("`[{body}]` is not ASCII; list the characters as `{{ä,ö}}`"));
    }
    if members.contains('/') || spans_slash(members.as_bytes()) {
        return Err(format!("`[{body}]` contains `/`, which only `**` crosses"));
    }
    Ok(if negated { format!("[!/{members}]") } else { format!("[{members}]") })
}

/// Whether a range such as `+-9` goes across the slash.
fn spans_slash(members: &[u8]) -> bool {
    members.windows(3).any(|range| range[1] == b'-' && (range[0]..=range[2]).contains(&b'/'))
}
