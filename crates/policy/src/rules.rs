//! A step's declared rules: which inferred inputs and outputs count, and which are declared.

use pathglob::GlobSet;

use crate::noise::Noise;

/// A pattern that is not valid, and why.
pub type PatternError = pathglob::GlobError;

/// Input and output rules of one step. Each side is judged on its own.
#[derive(Debug)]
pub struct Rules {
    input: Side,
    output: Side,
    noise: Noise,
}

#[derive(Debug)]
struct Side {
    auto: bool,
    declares: bool,
    globs: GlobSet,
}

impl Rules {
    /// Compiles the rules. Patterns are relative to the workspace root.
    ///
    /// # Errors
    /// The first pattern that is not valid.
    pub fn new(
        input: (bool, &[&str], &[&str]),
        output: (bool, &[&str], &[&str]),
    ) -> Result<Self, PatternError> {
        let (input, output) = (Side::new(input)?, Side::new(output)?);
        Ok(Self { input, output, noise: Noise::default() })
    }

    /// The same rules, with the step's own table of neutral names.
    #[must_use]
    pub fn with_noise(self, noise: Noise) -> Self {
        Self { noise, ..self }
    }

    /// Names of files that are a tool's own business.
    #[must_use]
    pub fn noise(&self) -> &Noise {
        &self.noise
    }

    /// Whether an inferred input at this workspace-relative path counts.
    #[must_use]
    pub fn infers_input(&self, rel: &[u8]) -> bool {
        self.input.infers(rel)
    }

    /// Whether what was written at this workspace-relative path is an output.
    #[must_use]
    pub fn is_output(&self, rel: &[u8]) -> bool {
        self.output.infers(rel) || self.output.declares(rel)
    }

    /// Whether configuration says that nothing at this workspace-relative path is an input.
    #[must_use]
    pub fn excludes_input(&self, rel: &[u8]) -> bool {
        self.input.globs.excludes(rel)
    }

    /// Whether configuration says that nothing at this workspace-relative path is an output.
    #[must_use]
    pub fn excludes_output(&self, rel: &[u8]) -> bool {
        self.output.globs.excludes(rel)
    }

    /// Patterns of declared inputs, if there are any.
    #[must_use]
    pub fn declared_inputs(&self) -> Option<&GlobSet> {
        self.input.declares.then_some(&self.input.globs)
    }

    /// Patterns of declared outputs, if there are any.
    #[must_use]
    pub fn declared_outputs(&self) -> Option<&GlobSet> {
        self.output.declares.then_some(&self.output.globs)
    }
}

impl Side {
    fn new((auto, include, exclude): (bool, &[&str], &[&str])) -> Result<Self, PatternError> {
        let globs = GlobSet::new(include, exclude)?;
        Ok(Self { auto, declares: !include.is_empty(), globs })
    }

    fn infers(&self, rel: &[u8]) -> bool {
        self.auto && !self.globs.excludes(rel)
    }

    fn declares(&self, rel: &[u8]) -> bool {
        self.declares && self.globs.matches(rel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTO: (bool, &[&str], &[&str]) = (true, &[], &[]);

    #[test]
    fn rules_of_one_side_never_filter_the_other() {
        let rules = Rules::new((true, &[], &["docs/**"]), AUTO).unwrap();
        assert!(!rules.infers_input(b"docs/a"));
        assert!(rules.infers_input(b"src/a"));
        assert!(rules.is_output(b"docs/a"));
    }

    #[test]
    fn without_auto_only_what_is_declared_counts() {
        let rules = Rules::new((false, &["src/**"], &[]), (false, &["dist/**"], &["dist/tmp/**"]));
        let rules = rules.unwrap();
        assert!(!rules.infers_input(b"src/a"));
        assert!(rules.declared_inputs().is_some());
        assert!(rules.is_output(b"dist/a"));
        assert!(!rules.is_output(b"dist/tmp/a"));
        assert!(!rules.is_output(b"other"));
    }

    #[test]
    fn empty_lists_mean_none() {
        let rules = Rules::new((false, &[], &[]), (false, &[], &[])).unwrap();
        assert!(!rules.infers_input(b"a"));
        assert!(rules.declared_inputs().is_none());
        assert!(!rules.is_output(b"a"));
    }
}
