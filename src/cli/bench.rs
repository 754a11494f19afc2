//! `gradtui bench`: how fast this machine trains.

mod peer;
mod workload;

use super::BadInput;

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
pub struct Bench {
    /// Serve a workload (W1 to W8) for a program that times several side by side
    #[arg(long, value_name = "WORKLOAD")]
    peer: String,
    /// Threads
    #[arg(long, value_name = "T", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: u64,
}

impl Bench {
    /// Measures.
    pub fn run(self) -> anyhow::Result<()> {
        let Some(workload) = workload::find(&self.peer) else {
            let names = workload::ALL.map(|w| format!("{} ({})", w.name, w.about)).join(", ");
            return Err(
                BadInput::new(format!("no workload is called {}; there are {names}", self.peer)).into()
            );
        };
        peer::serve(workload, self.threads as usize)
    }
}
