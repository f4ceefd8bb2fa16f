//! Globs over names of environment variables.
//!
//! ```text
//! *  any bytes    ?  one byte    [a-z]  one of    [!a-z]  none of    {A,B}  either    \x  x itself
//! ```
//! Matching takes at most `pattern × name` steps, whatever the pattern.

const MAX_GLOB: usize = 1024;
const MAX_ALTERNATIVES: usize = 64;

/// A compiled glob.
#[derive(Clone, Debug)]
pub struct EnvGlob(Vec<Vec<Token>>);

#[derive(Clone, Debug)]
enum Token {
    Byte(u8),
    One,
    Many,
    Set { negated: bool, ranges: Vec<(u8, u8)> },
}

impl EnvGlob {
    /// Compiles `glob`, or says why it is not valid.
    pub fn new(glob: &[u8]) -> Result<Self, &'static str> {
        if glob.is_empty() {
            return Err("it is empty");
        }
        if glob.len() > MAX_GLOB {
            return Err("it is longer than 1024 bytes");
        }
        expand(glob)?.iter().map(|one| tokens(one)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether `name` matches.
    pub fn matches(&self, name: &[u8]) -> bool {
        self.0.iter().any(|tokens| matches(tokens, name))
    }
}

/// The glob that matches the names beginning with `prefix`, and no others.
pub fn of_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut glob = Vec::with_capacity(prefix.len() + 1);
    for &byte in prefix {
        if b"*?[]{}\\,".contains(&byte) {
            glob.push(b'\\');
        }
        glob.push(byte);
    }
    glob.push(b'*');
    glob
}

/// Writes out the alternatives of `{…}`, leaving all other syntax as it is.
fn expand(glob: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let mut done = vec![Vec::new()];
    let mut at = 0;
    while at < glob.len() {
        let end = piece(glob, at)?;
        let choices = match glob[at] {
            b'{' => alternatives(&glob[at + 1..end - 1]),
            _ => vec![glob[at..end].to_vec()],
        };
        if done.len() * choices.len() > MAX_ALTERNATIVES {
            return Err("it has more than 64 alternatives");
        }
        done = done.iter().flat_map(|d| choices.iter().map(|c| [&d[..], c].concat())).collect();
        at = end;
    }
    Ok(done)
}

/// Where the piece of syntax that starts at `at` ends.
fn piece(glob: &[u8], at: usize) -> Result<usize, &'static str> {
    match glob[at] {
        b'\\' if at + 1 == glob.len() => Err("it ends in a backslash"),
        b'\\' => Ok(at + 2),
        b'[' => end_of_set(glob, at),
        b'{' => end_of_braces(glob, at),
        b'}' => Err("'}' without '{'"),
        _ => Ok(at + 1),
    }
}

fn end_of_set(glob: &[u8], at: usize) -> Result<usize, &'static str> {
    let negated = glob.get(at + 1) == Some(&b'!');
    // A ']' that comes first stands for itself.
    let first = at + 1 + usize::from(negated);
    let found = glob.iter().skip(first + 1).position(|&b| b == b']');
    found.map(|n| first + 1 + n + 1).ok_or("'[' without ']'")
}

fn end_of_braces(glob: &[u8], at: usize) -> Result<usize, &'static str> {
    let mut next = at + 1;
    while next < glob.len() {
        match glob[next] {
            b'}' => return Ok(next + 1),
            b'{' => return Err("'{' inside '{'"),
            _ => next = piece(glob, next)?,
        }
    }
    Err("'{' without '}'")
}

/// Splits at commas that are neither escaped nor inside a set.
fn alternatives(inside: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut at = 0;
    while at < inside.len() {
        // Checked when the end of the braces was found.
        let end = piece(inside, at).unwrap_or(at + 1);
        match (&inside[at..end], all.last_mut()) {
            (b",", _) | (_, None) => all.push(Vec::new()),
            (piece, Some(last)) => last.extend_from_slice(piece),
        }
        at = end;
    }
    all
}

fn tokens(glob: &[u8]) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < glob.len() {
        let end = piece(glob, at)?;
        tokens.push(match glob[at] {
            b'*' => Token::Many,
            b'?' => Token::One,
            b'\\' => Token::Byte(glob[at + 1]),
            b'[' => set(&glob[at + 1..end - 1])?,
            byte => Token::Byte(byte),
        });
        at = end;
    }
    Ok(tokens)
}

fn set(inside: &[u8]) -> Result<Token, &'static str> {
    let (negated, mut rest) = match inside.strip_prefix(b"!") {
        Some(rest) => (true, rest),
        None => (false, inside),
    };
    let mut ranges = Vec::new();
    while let Some((&from, after)) = rest.split_first() {
        let (to, after) = match after {
            [b'-', to, after @ ..] => (*to, after),
            _ => (from, after),
        };
        if from > to {
            return Err("a range that runs backwards");
        }
        ranges.push((from, to));
        rest = after;
    }
    Ok(Token::Set { negated, ranges })
}

/// The two-pointer walk: on a mismatch, the last `*` takes one byte more.
fn matches(tokens: &[Token], name: &[u8]) -> bool {
    let (mut t, mut n) = (0, 0);
    let mut retry = None;
    while n < name.len() {
        match tokens.get(t) {
            Some(Token::Many) => {
                retry = Some((t + 1, n));
                t += 1;
            }
            Some(token) if token.takes(name[n]) => {
                t += 1;
                n += 1;
            }
            _ => {
                let Some((star, from)) = retry else { return false };
                retry = Some((star, from + 1));
                (t, n) = (star, from + 1);
            }
        }
    }
    tokens[t..].iter().all(|token| matches!(token, Token::Many))
}

impl Token {
    fn takes(&self, byte: u8) -> bool {
        match self {
            Self::Byte(own) => *own == byte,
            Self::One | Self::Many => true,
            Self::Set { negated, ranges } => {
                ranges.iter().any(|&(from, to)| (from..=to).contains(&byte)) != *negated
            }
        }
    }
}
