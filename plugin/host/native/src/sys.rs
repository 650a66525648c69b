//! The standard streams, clocks and limits of a process. Every call returns the kernel's
//! result under the call's name; only EINTR is retried. Files are in files.rs, signals in
//! signals.rs.

use std::ffi::c_int;
use std::mem::size_of_val;
use std::ptr::from_ref;
use std::sync::atomic::{AtomicBool, Ordering};

pub struct SysError {
    pub syscall: &'static str,
    pub errno: c_int,
    pub path: Option<String>,
}

pub type Result<T> = std::result::Result<T, SysError>;

pub fn fail<T>(syscall: &'static str, errno: c_int) -> Result<T> {
    Err(SysError {
        syscall,
        errno,
        path: None,
    })
}

pub trait At {
    /// Names the path that a call failed on.
    fn at(self, path: &str) -> Self;
}

impl<T> At for Result<T> {
    fn at(self, path: &str) -> Self {
        self.map_err(|e| SysError {
            path: Some(path.into()),
            ..e
        })
    }
}

pub fn errno() -> c_int {
    // SAFETY: always a valid pointer to this thread's errno.
    unsafe { *libc::__errno_location() }
}

/// Runs a call that reports failure as a negative number, again after EINTR.
pub fn call(syscall: &'static str, mut f: impl FnMut() -> isize) -> Result<usize> {
    loop {
        if let Ok(n) = usize::try_from(f()) {
            return Ok(n);
        }
        match errno() {
            libc::EINTR => {}
            e => return fail(syscall, e),
        }
    }
}

/// A descriptor that closes itself.
pub struct Fd(pub c_int);

impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: owned by this value alone. Not retried: Linux has closed it
        // whatever close() returns.
        unsafe { libc::close(self.0) };
    }
}

/// Sets an option of a socket.
pub fn set_option<T>(fd: &Fd, level: c_int, option: c_int, value: &T) -> Result<usize> {
    let size = size_of_val(value) as libc::socklen_t;
    // SAFETY: a live value and its size.
    call("setsockopt", || unsafe {
        libc::setsockopt(fd.0, level, option, from_ref(value).cast(), size) as isize
    })
}

/// Returns false if the descriptor was not ready within `ms`; -1 means no limit.
fn is_ready(fd: c_int, events: i16, ms: c_int) -> Result<bool> {
    let mut p = libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    // SAFETY: one valid pollfd.
    call("poll", || unsafe { libc::poll(&mut p, 1, ms) as isize }).map(|n| n > 0)
}

fn write_some(fd: c_int, bytes: &[u8]) -> Result<usize> {
    // SAFETY: pointer and length are those of a live slice.
    call("write", || unsafe {
        libc::write(fd, bytes.as_ptr().cast(), bytes.len())
    })
}

/// Writes all bytes. EAGAIN if the descriptor is not ready.
pub fn write_all(fd: c_int, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        bytes = bytes.get(write_some(fd, bytes)?..).unwrap_or_default();
    }
    Ok(())
}

/// Writes all bytes to standard output, even if its owner made it non-blocking.
pub fn write_out(mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match write_some(1, bytes) {
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(e) if e.errno == libc::EAGAIN => drop(is_ready(1, libc::POLLOUT, -1)?),
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// So long a reader of standard error is waited for. It may have stopped for good, and no
/// pod must wait for a log.
const PATIENCE_MS: c_int = 100;
static IS_STUCK: AtomicBool = AtomicBool::new(false);

/// Writes to standard error. Bytes that nobody reads are lost, and after the first loss
/// nothing is waited for any more.
pub fn write_err(mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        let ms = match IS_STUCK.load(Ordering::Relaxed) {
            true => 0,
            false => PATIENCE_MS,
        };
        if !is_ready(2, libc::POLLOUT, ms)? {
            break;
        }
        // A pipe that is ready takes so much without blocking (pipe(7)).
        let part = bytes.get(..libc::PIPE_BUF).unwrap_or(bytes);
        match write_some(2, part) {
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(e) if e.errno == libc::EAGAIN => break,
            Err(e) => return Err(e),
        }
    }
    if !bytes.is_empty() {
        IS_STUCK.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// A request is never longer than this.
pub const MAX_STDIN: usize = 16 << 20;

/// Reads to the end. EFBIG if there is more than `limit`.
pub fn read_all(fd: c_int, limit: usize) -> Result<Vec<u8>> {
    // SAFETY: stat is plain data; fstat fills it.
    let size = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        match libc::fstat(fd, &mut stat) {
            0 => usize::try_from(stat.st_size).unwrap_or(0),
            _ => 0,
        }
    };
    // One byte more than a file has, so that the end shows without growing.
    let most = limit.saturating_add(1).min(64 << 20);
    let mut bytes: Vec<u8> = Vec::with_capacity((size + 1).clamp(4096, most));
    loop {
        if bytes.len() > limit {
            return fail("read", libc::EFBIG);
        }
        if bytes.len() == bytes.capacity() && bytes.try_reserve(bytes.len()).is_err() {
            return fail("read", libc::ENOMEM);
        }
        if read_some(fd, &mut bytes)? == 0 {
            return Ok(bytes);
        }
    }
}

/// Appends what comes next, and nothing at the end; at most `most` bytes.
pub fn read_part(fd: c_int, bytes: &mut Vec<u8>, most: usize) -> Result<usize> {
    if bytes.try_reserve_exact(most).is_err() {
        return fail("read", libc::ENOMEM);
    }
    read_some(fd, bytes)
}

/// Reads into the vector's spare room, even if the descriptor's owner made it
/// non-blocking. Returns 0 at the end.
fn read_some(fd: c_int, bytes: &mut Vec<u8>) -> Result<usize> {
    loop {
        let room = bytes.spare_capacity_mut();
        // SAFETY: pointer and length are those of the vector's spare room.
        let read = call("read", || unsafe {
            libc::read(fd, room.as_mut_ptr().cast(), room.len())
        });
        match read {
            // SAFETY: read() initialised n bytes of the spare room.
            Ok(n) => unsafe {
                bytes.set_len(bytes.len() + n);
                return Ok(n);
            },
            Err(e) if e.errno == libc::EAGAIN => drop(is_ready(fd, libc::POLLIN, -1)?),
            Err(e) => return Err(e),
        }
    }
}

pub fn utf8(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).or_else(|_| fail("read", libc::EILSEQ))
}

/// Returns the columns of the terminal that `fd` is, 0 if the terminal does not know, or
/// None if `fd` is no terminal.
pub fn columns(fd: c_int) -> Option<u16> {
    // SAFETY: winsize is plain data; the call fills it if it succeeds.
    unsafe {
        let mut size: libc::winsize = std::mem::zeroed();
        let result = libc::ioctl(fd, libc::TIOCGWINSZ, &mut size);
        (result == 0).then_some(size.ws_col)
    }
}

/// Opens the standard descriptors that are closed: the next file would take their numbers
/// and get the output that is meant for stdout. "/" needs no /dev, and with O_PATH a read
/// or write of it fails with EBADF, as it should.
pub fn reserve_standard_fds() {
    for fd in 0..=2 {
        // SAFETY: no pointers but a literal; open() takes the lowest free
        // number, which is fd, because those below are open by now.
        unsafe {
            if libc::fcntl(fd, libc::F_GETFD) < 0 {
                libc::open(c"/".as_ptr(), libc::O_PATH | libc::O_CLOEXEC);
            }
        }
    }
}

/// Fetches the pages of the heap that every start touches in one call instead of one
/// fault each, which saves a measured 5 %. MADV_POPULATE_WRITE fails before Linux 5.14,
/// which costs only the faults.
pub fn prefault_heap() {
    const HEAP: usize = 192 << 10;
    // SAFETY: the block is freed before the kernel is asked to back its pages,
    // which does not change what is in them. The settings keep malloc from
    // mapping the block apart and from returning its pages when it is freed.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 1 << 20);
        let block = libc::malloc(HEAP);
        let page = block.map_addr(|a| a & !4095);
        libc::free(block);
        libc::madvise(page, HEAP, libc::MADV_POPULATE_WRITE);
    }
}

/// Makes a write fail with EPIPE if its reader went away, and with EFBIG if the file may
/// not grow, instead of ending the process.
pub fn ignore_write_signals() {
    // SAFETY: SIG_IGN installs no code.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

pub fn exit(code: c_int) -> ! {
    // SAFETY: nothing is buffered and nothing is registered to run at exit.
    unsafe { libc::_exit(code) }
}

pub fn env(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

pub fn stack_limit() -> usize {
    let mut limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: fills the struct; if it fails, the struct says "infinite".
    unsafe { libc::getrlimit(libc::RLIMIT_STACK, &mut limit) };
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}

/// Returns the clock's time in milliseconds.
pub fn clock(id: libc::clockid_t) -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: fills the struct. It cannot fail for the clocks asked for here.
    unsafe { libc::clock_gettime(id, &mut time) };
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

pub fn ticks() -> f64 {
    clock(libc::CLOCK_MONOTONIC)
}
