//! The signal thread, so that no signal is missed while other threads are busy. Knows no app: it forwards signals, and
//! ends the process itself only if the app does not.

use super::{RestoreData, ScreenInput};
use signal_hook::consts::signal::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Time between a signal to end and the forced end.
const LONGEST_GOODBYE: Duration = Duration::from_millis(2500);

/// An input that is handled before any waiting keys.
pub(super) type Urgent = Arc<Mutex<Option<ScreenInput>>>;

/// Starts the thread. `stay`: a hang-up does not end the process.
pub(super) fn listen(
    sender: SyncSender<ScreenInput>,
    urgent: Urgent,
    custody: Arc<RestoreData>,
    stay: bool,
) -> std::io::Result<()> {
    let mut wanted = vec![SIGCONT, SIGINT, SIGQUIT, SIGTERM, SIGWINCH];
    wanted.extend([SIGHUP, SIGTSTP].into_iter().filter(|s| !ignored(*s)));
    let mut signals = signal_hook::iterator::Signals::new(wanted)?;
    let body = move || {
        for s in signals.forever() {
            let wake = match s {
                SIGTSTP if custody.is_held() => ScreenInput::Stop,
                // The terminal is restored; otherwise the user could not continue the process.
                SIGTSTP => {
                    if may_stop() {
                        let _ = signal_hook::low_level::emulate_default_handler(SIGTSTP);
                    }
                    continue;
                }
                SIGWINCH => ScreenInput::Resized,
                SIGCONT => ScreenInput::Continued,
                SIGHUP => ScreenInput::HungUp,
                other => ScreenInput::Terminate(128 + other as u8),
            };
            if !matches!(s, SIGWINCH | SIGCONT | SIGTSTP) {
                *urgent.lock().unwrap_or_else(PoisonError::into_inner) = Some(wake.clone());
            }
            // If the queue is full, its reader is awake and takes this input before the waiting keys. Otherwise the
            // last of many size changes would be lost, and the screen would stay broken.
            if sender.try_send(wake.clone()).is_err() {
                urgent.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(wake);
            }
            if matches!(s, SIGWINCH | SIGCONT | SIGTSTP) || s == SIGHUP && stay {
                continue;
            }
            // The app saves and quits; if it cannot, this ends the process.
            std::thread::sleep(LONGEST_GOODBYE);
            custody.give_back(true);
            std::process::exit(128 + s);
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(body)?;
    Ok(())
}

/// Whether a shell would continue a stopped process: the session leader exists and is in another process group.
pub(super) fn may_stop() -> bool {
    let group_of = |pid| rustix::process::getpgid(pid);
    let leader = rustix::process::getsid(None).and_then(|leader| group_of(Some(leader)));
    leader.is_ok_and(|leader| group_of(None) != Ok(leader))
}

/// Whether the signal was ignored when the process started, as under `nohup`.
pub fn ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok()).is_some_and(|m| m >> (signal - 1) & 1 == 1)
}
