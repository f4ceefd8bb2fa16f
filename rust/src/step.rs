//! `Step`: a step as the planner describes it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use cache::{StepSet, StepSpec};
use digest::Digest;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// One step as the engine knows it.
#[pyclass(frozen, module = "taskrunner._native")]
pub(crate) struct Step {
    pub(crate) spec: StepSpec,
}

#[pymethods]
impl Step {
    #[new]
    #[pyo3(signature = (*, id, package, task, index, args, weak, description, argv, env, untracked_env,
        cwd, before, cached, traced, interactive, input_auto, input_include, input_exclude, output_auto,
        output_include,
        output_exclude, noise))]
    #[expect(clippy::similar_names, reason = "`args` and `argv` are what they are called")]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    #[expect(clippy::fn_params_excessive_bools, reason = "keyword arguments in Python")]
    fn new(
        id: u32,
        package: String,
        task: String,
        index: usize,
        args: Vec<String>,
        weak: &[u8],
        description: Vec<u8>,
        argv: Vec<OsString>,
        env: BTreeMap<OsString, OsString>,
        untracked_env: Vec<OsString>,
        cwd: OsString,
        before: Vec<u8>,
        cached: bool,
        traced: bool,
        interactive: bool,
        input_auto: bool,
        input_include: Vec<String>,
        input_exclude: Vec<String>,
        output_auto: bool,
        output_include: Vec<String>,
        output_exclude: Vec<String>,
        noise: Vec<String>,
    ) -> PyResult<Self> {
        let weak = Digest::from_slice(weak)
            .ok_or_else(|| PyValueError::new_err("`weak` is a digest: 32 bytes"))?;
        let bytes = OsStringExt::into_vec;
        let spec = StepSpec {
            id,
            package,
            task,
            index,
            args,
            weak,
            description,
            argv: argv.into_iter().map(bytes).collect(),
            env: env.into_iter().map(|(name, value)| (bytes(name), bytes(value))).collect(),
            untracked_env: untracked_env.into_iter().map(bytes).collect(),
            cwd: bytes(cwd),
            before: StepSet::from_bits(before),
            cached,
            traced,
            interactive,
            noise,
            input: (input_auto, input_include, input_exclude),
            output: (output_auto, output_include, output_exclude),
        };
        Ok(Self { spec })
    }
}
