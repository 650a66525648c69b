//! Locks of files, and the wait for the end of one.

use crate::files::{c_path, mode_of, open};
use crate::signals::sleep;
use crate::sys::{At, Fd, Result, call, fail, ticks};
use std::cell::RefCell;
use std::ffi::c_int;

const FLAGS: c_int = libc::O_RDWR | libc::O_NOFOLLOW;

/// Takes the lock, which lives as long as the descriptor. It polls, because a timer that
/// interrupts a blocking flock() would need a signal handler.
pub fn flock(path: &str, timeout_ms: f64, as_fifo: bool) -> Result<Fd> {
    let end = ticks() + timeout_ms;
    let file = match open(path, FLAGS, 0) {
        Err(e) if e.errno == libc::ENOENT => {
            if as_fifo {
                make_fifo(path);
            }
            open(path, FLAGS | libc::O_CREAT, 0o600)?
        }
        result => result?,
    };
    loop {
        // SAFETY: no pointers.
        let result = call("flock", || unsafe {
            libc::flock(file.0, libc::LOCK_EX | libc::LOCK_NB) as isize
        });
        match result {
            Err(e) if e.errno == libc::EAGAIN && ticks() < end => sleep(1.0),
            result => return result.at(path).map(|_| file),
        }
    }
}

/// Where this fails the lock is a file: a file system may have no FIFOs.
fn make_fifo(path: &str) {
    if let Ok(name) = c_path("mkfifo", path) {
        // SAFETY: `name` is NUL-terminated and outlives the call.
        unsafe { libc::mkfifo(name.as_ptr(), 0o600) };
    }
}

/// Reads a FIFO whose lock others have: who has that also has it open for writing.
pub struct LockWatch(RefCell<Option<Fd>>);

impl LockWatch {
    pub fn open(path: &str) -> Result<LockWatch> {
        let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOFOLLOW;
        let file = open(path, flags, 0)?;
        match mode_of(&file) & libc::S_IFMT {
            libc::S_IFIFO => Ok(LockWatch(RefCell::new(Some(file)))),
            _ => fail("open", libc::EINVAL).at(path),
        }
    }

    /// Returns true if nobody has it open for writing; a signal ends the wait too.
    pub fn wait(&self, ms: f64) -> bool {
        let Some(Fd(fd)) = *self.0.borrow() else {
            return false;
        };
        // A writer who had left before it was opened is told of by a read alone.
        let mut byte = 0_u8;
        // SAFETY: one live byte.
        if unsafe { libc::read(fd, (&raw mut byte).cast(), 1) } == 0 {
            return true;
        }
        // The end of the last writer comes unasked.
        let mut one = libc::pollfd {
            fd,
            events: 0,
            revents: 0,
        };
        // SAFETY: one live structure.
        let n = unsafe { libc::poll(&mut one, 1, ms.ceil() as c_int) };
        n > 0 && one.revents & libc::POLLHUP != 0
    }

    pub fn close(&self) {
        self.0.take();
    }
}
