//! SIGTERM and SIGINT: loops poll them, and they end sleeps. No other signal is watched.

use crate::sys::ticks;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

const UNWATCHED: i32 = -1;
const NONE: i32 = 0;
/// UNWATCHED until the first poll, so that a signal keeps its default action in a program
/// that does not poll; then NONE or the signal that came.
static PENDING: AtomicI32 = AtomicI32::new(UNWATCHED);
/// The time at which the signal came, on the clock of `ticks`.
static CAME: AtomicU64 = AtomicU64::new(0);
/// A signal that follows another so soon means the same, because timeout(1) sends one to
/// the process and one to its group.
const SAME_MS: u64 = 1000;

fn term_and_int() -> libc::sigset_t {
    // SAFETY: sigset_t is plain data, initialised by sigemptyset.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGTERM);
        libc::sigaddset(&mut set, libc::SIGINT);
        set
    }
}

/// Runs `f` with all signals blocked. A thread that `f` starts inherits that.
pub fn without_signals<T>(f: impl FnOnce() -> T) -> T {
    // SAFETY: both sets are live and initialised by the calls.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &all, &mut old);
        let result = f();
        libc::sigprocmask(libc::SIG_SETMASK, &old, std::ptr::null_mut());
        result
    }
}

/// Handles the second signal and those after it: it ends a process that does not stop.
extern "C" fn again(signal: libc::c_int) {
    if (ticks() as u64).saturating_sub(CAME.load(Ordering::Relaxed)) < SAME_MS {
        return;
    }
    // SAFETY: both may be called from a handler; when it returns, the signal has
    // its default action.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

/// Waits for a watched signal. Signals are blocked and not handled, so that none is lost
/// between a poll and a sleep. After the first one they are unblocked again.
fn wait_signal(timeout: Duration) -> bool {
    let set = term_and_int();
    let time = libc::timespec {
        tv_sec: timeout.as_secs() as libc::time_t,
        tv_nsec: timeout.subsec_nanos() as libc::c_long,
    };
    // SAFETY: both structs are live; no siginfo is asked for.
    let signal = unsafe { libc::sigtimedwait(&set, std::ptr::null_mut(), &time) };
    if signal <= 0 {
        return false;
    }
    PENDING.store(signal, Ordering::Relaxed);
    CAME.store(ticks() as u64, Ordering::Relaxed);
    // SAFETY: a handler that only makes calls that a handler may make, and a live
    // set; the old mask is not asked for.
    unsafe {
        for signal in [libc::SIGTERM, libc::SIGINT] {
            libc::signal(
                signal,
                again as extern "C" fn(libc::c_int) as libc::sighandler_t,
            );
        }
        libc::sigprocmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
    }
    true
}

pub fn pending_signal() -> Option<&'static str> {
    match PENDING.load(Ordering::Relaxed) {
        UNWATCHED => {
            // SAFETY: a live set; the old mask is not asked for.
            unsafe {
                libc::sigprocmask(libc::SIG_BLOCK, &term_and_int(), std::ptr::null_mut());
            }
            PENDING.store(NONE, Ordering::Relaxed);
        }
        NONE => drop(wait_signal(Duration::ZERO)),
        _ => {}
    }
    match PENDING.load(Ordering::Relaxed) {
        libc::SIGTERM => Some("SIGTERM"),
        libc::SIGINT => Some("SIGINT"),
        _ => None,
    }
}

/// Sleeps for `ms`, or until a watched signal comes.
pub fn sleep(ms: f64) {
    let end = ticks() + ms;
    loop {
        let left = end - ticks();
        if left <= 0.0 {
            return;
        }
        let left = Duration::from_secs_f64((left / 1e3).min(1e9));
        if PENDING.load(Ordering::Relaxed) != NONE {
            return std::thread::sleep(left);
        }
        if wait_signal(left) {
            return;
        }
    }
}
