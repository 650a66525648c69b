//! A listening TCP socket, and the connections that come to it. No call on them blocks.

use crate::sys::{Fd, Result, call, set_option};
use std::ffi::c_int;
use std::mem::size_of_val;
use std::net::SocketAddr;
use std::ptr::{from_ref, null_mut};

const BACKLOG: c_int = 64;

pub fn listen(address: SocketAddr) -> Result<Fd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let family = match address {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    };
    // SAFETY: no pointers.
    let fd = call("socket", || unsafe {
        libc::socket(family, kind, 0) as isize
    })?;
    let fd = Fd(fd as c_int);
    // Without it, connections of the last run would keep this one from the address.
    let on: c_int = 1;
    set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, &on)?;
    let bind = |address: *const libc::sockaddr, length: usize| {
        // SAFETY: the callers below pass live structs and their sizes.
        call("bind", || unsafe {
            libc::bind(fd.0, address, length as libc::socklen_t) as isize
        })
    };
    match address {
        SocketAddr::V4(a) => {
            let sin = libc::sockaddr_in {
                sin_family: family as libc::sa_family_t,
                sin_port: a.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from_ne_bytes(a.ip().octets()),
                },
                sin_zero: [0; 8],
            };
            bind(from_ref(&sin).cast(), size_of_val(&sin))
        }
        SocketAddr::V6(a) => {
            let sin6 = libc::sockaddr_in6 {
                sin6_family: family as libc::sa_family_t,
                sin6_port: a.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr {
                    s6_addr: a.ip().octets(),
                },
                sin6_scope_id: a.scope_id(),
            };
            bind(from_ref(&sin6).cast(), size_of_val(&sin6))
        }
    }?;
    // SAFETY: no pointers.
    call("listen", || unsafe { libc::listen(fd.0, BACKLOG) as isize })?;
    Ok(fd)
}

pub fn accept(listener: &Fd) -> Result<Fd> {
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: the peer's address is not asked for.
    let fd = call("accept4", || unsafe {
        libc::accept4(listener.0, null_mut(), null_mut(), flags) as isize
    });
    fd.map(|fd| Fd(fd as c_int))
}
