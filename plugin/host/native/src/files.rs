//! Files and directories. Errors have the kernel's names of the calls.

use crate::sys::{At, Fd, Result, call, errno, fail, read_all, read_part, utf8, write_all};
use std::ffi::{CStr, CString, c_char, c_int};

pub fn c_path(syscall: &'static str, path: &str) -> Result<CString> {
    CString::new(path).or_else(|_| fail(syscall, libc::EINVAL).at(path))
}

pub fn open(path: &str, flags: c_int, mode: u32) -> Result<Fd> {
    let name = c_path("open", path)?;
    let flags = flags | libc::O_CLOEXEC | libc::O_NOCTTY;
    // SAFETY: `name` is NUL-terminated and outlives the call.
    let fd = call("open", || unsafe {
        libc::open(name.as_ptr(), flags, mode) as isize
    });
    fd.at(path).map(|fd| Fd(fd as c_int))
}

fn chmod(fd: &Fd, mode: u32) -> Result<usize> {
    // SAFETY: no pointers.
    call("fchmod", || unsafe { libc::fchmod(fd.0, mode) as isize })
}

pub fn mode_of(fd: &Fd) -> u32 {
    // SAFETY: stat is plain data; fstat fills it.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        libc::fstat(fd.0, &mut stat);
        stat.st_mode
    }
}

/// Reads regular files only, which those of /proc and /sys are too: a FIFO or a device in
/// a directory of records must not hang or fill the plugin. EFBIG beyond `limit`.
pub fn read(path: &str, limit: usize) -> Result<Vec<u8>> {
    let file = open(path, libc::O_RDONLY | libc::O_NONBLOCK, 0)?;
    match mode_of(&file) & libc::S_IFMT {
        libc::S_IFREG => read_all(file.0, limit).at(path),
        libc::S_IFDIR => fail("read", libc::EISDIR).at(path),
        _ => fail("read", libc::EINVAL).at(path),
    }
}

/// A reader returns so much at once.
const PART: usize = 64 << 10;

/// Reads the text of anything in parts, as long as it takes.
pub struct TextReader {
    file: Option<Fd>,
    path: Option<String>,
    /// The bytes of a character whose end has not come.
    rest: Vec<u8>,
}

impl TextReader {
    /// Without a path it reads standard input, which it leaves open.
    pub fn open(path: Option<String>) -> Result<TextReader> {
        let file = match &path {
            Some(path) => open(path, libc::O_RDONLY, 0)?,
            // SAFETY: no pointers.
            None => Fd(call("dup", || unsafe {
                libc::fcntl(0, libc::F_DUPFD_CLOEXEC, 3) as isize
            })? as c_int),
        };
        Ok(TextReader {
            file: Some(file),
            path,
            rest: Vec::new(),
        })
    }

    /// Returns whole characters, and none at the end.
    pub fn read(&mut self) -> Result<String> {
        let result = self.part();
        match &self.path {
            Some(path) => result.at(path),
            None => result,
        }
    }

    fn part(&mut self) -> Result<String> {
        let Some(file) = &self.file else {
            return fail("read", libc::EBADF);
        };
        loop {
            let before = self.rest.len();
            read_part(file.0, &mut self.rest, PART)?;
            let is_end = self.rest.len() == before;
            let whole = match std::str::from_utf8(&self.rest) {
                Ok(_) => self.rest.len(),
                // A character may end in the next part.
                Err(e) if e.error_len().is_none() && !is_end => e.valid_up_to(),
                Err(_) => return fail("read", libc::EILSEQ),
            };
            if whole > 0 || is_end {
                let rest = self.rest.split_off(whole);
                return utf8(std::mem::replace(&mut self.rest, rest));
            }
        }
    }

    pub fn close(&mut self) {
        self.file = None;
    }
}

/// Makes a new file with the caller's mode, whatever the umask is. Others may be able to
/// write to the directories of records and of executables, so anything that has the name
/// already, be it a link, a FIFO or a file that has other names too, is removed and never
/// written to.
fn create(path: &str, mode: u32) -> Result<Fd> {
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = match open(path, flags, mode) {
        Err(e) if e.errno == libc::EEXIST => {
            unlink(path)?;
            open(path, flags, mode)?
        }
        result => result?,
    };
    chmod(&file, mode).at(path)?;
    Ok(file)
}

pub fn write(path: &str, bytes: &[u8], mode: u32) -> Result<()> {
    write_all(create(path, mode)?.0, bytes).at(path)
}

/// Appends in one write. O_NONBLOCK, because a FIFO without a reader, or whose reader has
/// stopped, must fail and not hang the runtime. Returns the file's size, or 0 if it has
/// none.
pub fn append(path: &str, bytes: &[u8], mode: u32) -> Result<f64> {
    let flags =
        libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_NONBLOCK | libc::O_NOFOLLOW;
    let file = open(path, flags, mode)?;
    write_all(file.0, bytes).at(path)?;
    // SAFETY: no pointers.
    let end = unsafe { libc::lseek(file.0, 0, libc::SEEK_CUR) };
    Ok(end.max(0) as f64)
}

pub fn copy(from: &str, to: &str, mode: u32) -> Result<()> {
    let source = open(from, libc::O_RDONLY, 0)?;
    let target = create(to, mode)?;
    let mut buffer = vec![0u8; 64 << 10];
    loop {
        // SAFETY: pointer and length are those of the buffer.
        let read = call("read", || unsafe {
            libc::read(source.0, buffer.as_mut_ptr().cast(), buffer.len())
        });
        match read.at(from)? {
            0 => return Ok(()),
            n => write_all(target.0, buffer.get(..n).unwrap_or_default()).at(to)?,
        }
    }
}

pub fn rename(from: &str, to: &str) -> Result<()> {
    let (old, new) = (c_path("rename", from)?, c_path("rename", to)?);
    // SAFETY: both are NUL-terminated and outlive the call.
    let result = call("rename", || unsafe {
        libc::rename(old.as_ptr(), new.as_ptr()) as isize
    });
    result.at(from).map(drop)
}

pub fn unlink(path: &str) -> Result<()> {
    let name = c_path("unlink", path)?;
    // SAFETY: `name` is NUL-terminated and outlives the call.
    let result = call("unlink", || unsafe { libc::unlink(name.as_ptr()) as isize });
    result.at(path).map(drop)
}

pub fn rmdir(path: &str) -> Result<()> {
    let name = c_path("rmdir", path)?;
    // SAFETY: `name` is NUL-terminated and outlives the call.
    let result = call("rmdir", || unsafe { libc::rmdir(name.as_ptr()) as isize });
    result.at(path).map(drop)
}

pub fn read_link(path: &str) -> Result<String> {
    let name = c_path("readlink", path)?;
    let mut target = vec![0u8; libc::PATH_MAX as usize];
    // SAFETY: `name` is NUL-terminated; pointer and length are those of the buffer.
    let length = call("readlink", || unsafe {
        libc::readlink(name.as_ptr(), target.as_mut_ptr().cast(), target.len())
    })
    .at(path)?;
    target.truncate(length);
    Ok(String::from_utf8_lossy(&target).into_owned())
}

/// Makes the directory and its parents, which all can read. Returns the permission bits;
/// those of a directory that was there are somebody else's choice.
pub fn mkdir(path: &str, mode: u32) -> Result<u32> {
    let name = c_path("mkdir", path)?;
    // SAFETY: `name` is NUL-terminated and outlives the call.
    let make = || {
        call("mkdir", || unsafe {
            libc::mkdir(name.as_ptr(), mode) as isize
        })
        .at(path)
        .map(|_| mode)
    };
    match make() {
        Err(e) if e.errno == libc::ENOENT => match path.trim_end_matches('/').rfind('/') {
            Some(end) if end > 0 => {
                mkdir(path.get(..end).unwrap_or_default(), 0o755)?;
                make()
            }
            _ => Err(e),
        },
        Err(e) if e.errno == libc::EEXIST => {
            match open(path, libc::O_PATH | libc::O_DIRECTORY, 0) {
                Ok(dir) => Ok(mode_of(&dir) & 0o7777),
                // Something else has the name. A link fails with the reason why it leads
                // to no directory.
                Err(why) if why.errno == libc::ENOTDIR => Err(e),
                Err(why) => Err(why),
            }
        }
        result => result,
    }
}

pub fn read_dir(path: &str) -> Result<Vec<String>> {
    let dir = open(path, libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
    // SAFETY: a live descriptor; the stream takes it over only if it succeeds.
    let stream = unsafe { libc::fdopendir(dir.0) };
    if stream.is_null() {
        return fail("open", errno()).at(path);
    }
    std::mem::forget(dir);
    let mut names = Vec::new();
    let errno = loop {
        // SAFETY: the stream is live, and the entry's name is read before the
        // next call. errno tells the end (unchanged) from an error.
        let name = unsafe {
            *libc::__errno_location() = 0;
            let entry = libc::readdir64(stream);
            if entry.is_null() {
                break errno();
            }
            CStr::from_ptr((&raw const (*entry).d_name).cast::<c_char>())
        };
        if name != c"." && name != c".." {
            names.push(name.to_string_lossy().into_owned());
        }
    };
    // SAFETY: live, and not used again; it closes the descriptor too.
    unsafe { libc::closedir(stream) };
    if errno == 0 {
        Ok(names)
    } else {
        fail("getdents64", errno).at(path)
    }
}

pub fn stat(path: &str) -> Result<libc::stat> {
    let name = c_path("stat", path)?;
    // SAFETY: stat is plain data; the call fills it, and `name` outlives it.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        call("stat", || libc::stat(name.as_ptr(), &mut stat) as isize)
            .at(path)
            .map(|_| stat)
    }
}

pub fn chown(path: &str, uid: u32, gid: u32) -> Result<()> {
    let name = c_path("chown", path)?;
    // SAFETY: `name` is NUL-terminated and outlives the call.
    let result = call("chown", || unsafe {
        libc::chown(name.as_ptr(), uid, gid) as isize
    });
    result.at(path).map(drop)
}

pub fn sync(path: &str) -> Result<()> {
    let file = open(path, libc::O_RDONLY | libc::O_NONBLOCK, 0)?;
    // SAFETY: no pointers.
    let result = call("fsync", || unsafe { libc::fsync(file.0) as isize });
    result.at(path).map(drop)
}
