//! `gradtui completions` and `gradtui man`: files for packagers.

use super::{parser, print};

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

impl CompletionsArgs {
    /// Prints the script.
    pub fn run(self) -> anyhow::Result<()> {
        let mut out = Vec::new();
        clap_complete::generate(self.shell, &mut parser(), "gradtui", &mut out);
        print(&String::from_utf8_lossy(&out))
    }
}

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub struct ManArgs {}

/// Prints the manual page.
pub fn man() -> anyhow::Result<()> {
    let mut out = Vec::new();
    clap_mangen::Man::new(parser()).render(&mut out)?;
    print(&String::from_utf8_lossy(&out))
}
