//! Entry.

fn main() -> std::process::ExitCode {
    gradtui::cli::main()
}
