//! A pool of threads for work that takes longer than a millisecond.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, unbounded};

type Job = Box<dyn FnOnce() + Send>;

/// Threads that take jobs in order.
pub(crate) struct Pool {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts `size` threads, at least one.
    pub(crate) fn new(size: usize) -> std::io::Result<Self> {
        let (jobs, queue) = unbounded::<Job>();
        let spawn = |number| {
            let queue = queue.clone();
            std::thread::Builder::new().name(format!("taskrunner-{number}")).spawn(move || {
                while let Ok(job) = queue.recv() {
                    // A job that panics reports it itself, when its guard is dropped.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                }
            })
        };
        let threads = (0..size.max(1)).map(spawn).collect::<Result<_, _>>()?;
        Ok(Self { jobs: Some(jobs), threads })
    }

    /// Adds a job.
    pub(crate) fn submit(&self, job: impl FnOnce() + Send + 'static) {
        if let Some(jobs) = &self.jobs {
            // Fails only if every thread is gone; then nothing can be done, and the job's guard
            // says so.
            let _ = jobs.send(Box::new(job));
        }
    }
}

impl Drop for Pool {
    /// Finishes what was submitted.
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_job_is_done_even_after_one_panicked() {
        let done = Arc::new(AtomicUsize::new(0));
        let pool = Pool::new(2).unwrap();
        pool.submit(|| panic!("deliberate"));
        for _ in 0..100 {
            let done = Arc::clone(&done);
            pool.submit(move || {
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        drop(pool);
        assert_eq!(done.load(Ordering::Relaxed), 100);
    }
}
