//! Questions to the kernel that are options of a socket, as the tables of legacy iptables
//! are. Only the bundle knows what the bytes mean.

use crate::sys::{Fd, Result, call};
use std::ffi::c_int;
use std::ptr::NonNull;

/// Asks for one option on a socket of its own and returns the length of the answer. The
/// socket is of UDP, because it needs no CAP_NET_RAW and reaches the same options.
///
/// # Safety
/// `value` is writable memory.
pub unsafe fn get(domain: c_int, level: c_int, name: c_int, value: NonNull<[u8]>) -> Result<usize> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers.
    let fd = call("socket", || unsafe {
        libc::socket(domain, kind, 0) as isize
    })?;
    let fd = Fd(fd as c_int);
    let mut length = value.len() as libc::socklen_t;
    // SAFETY: the caller vouches for the memory; the length is a live variable.
    call("getsockopt", || unsafe {
        libc::getsockopt(fd.0, level, name, value.as_ptr().cast(), &mut length) as isize
    })?;
    Ok(length as usize)
}
