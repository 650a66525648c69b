//! A netlink socket. Datagrams go to and from the caller's memory; only the bundle knows
//! what they contain.

use crate::sys::{Fd, Result, call, fail, set_option};
use std::cell::RefCell;
use std::ffi::c_int;
use std::mem::{size_of, zeroed};
use std::ptr::{NonNull, from_mut, from_ref};

pub struct Socket(RefCell<Option<Fd>>);

impl Socket {
    pub fn open(protocol: c_int, timeout_ms: f64) -> Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: no pointers.
        let fd = call("socket", || unsafe {
            libc::socket(libc::AF_NETLINK, kind, protocol) as isize
        })?;
        let fd = Fd(fd as c_int);

        let address = kernel();
        // SAFETY: a live sockaddr_nl and its size. Port 0: the kernel chooses.
        call("bind", || unsafe {
            libc::bind(fd.0, from_ref(&address).cast(), ADDRESS_SIZE) as isize
        })?;

        // Zero would mean no timeout.
        let us = (timeout_ms * 1e3).clamp(1.0, 1e15) as i64;
        let time = libc::timeval {
            tv_sec: (us / 1_000_000) as libc::time_t,
            tv_usec: (us % 1_000_000) as libc::suseconds_t,
        };
        set_option(&fd, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &time)?;
        set_option(&fd, libc::SOL_SOCKET, libc::SO_SNDTIMEO, &time)?;

        // Without these options, which old kernels lack, acknowledgements are longer,
        // errors have no text, and unknown dump filters are ignored.
        let on: c_int = 1;
        for option in [
            libc::NETLINK_EXT_ACK,
            libc::NETLINK_CAP_ACK,
            NETLINK_GET_STRICT_CHK,
        ] {
            drop(set_option(&fd, libc::SOL_NETLINK, option, &on));
        }
        Ok(Self(RefCell::new(Some(fd))))
    }

    /// # Safety
    /// `bytes` is readable memory.
    pub unsafe fn send(&self, bytes: NonNull<[u8]>) -> Result<()> {
        let fd = self.fd("sendto")?;
        let address = kernel();
        // SAFETY: the caller vouches for the bytes; the address is live.
        let sent = call("sendto", || unsafe {
            libc::sendto(
                fd,
                bytes.as_ptr().cast(),
                bytes.len(),
                0,
                from_ref(&address).cast(),
                ADDRESS_SIZE,
            )
        })?;
        if sent == bytes.len() {
            Ok(())
        } else {
            fail("sendto", libc::EMSGSIZE)
        }
    }

    /// # Safety
    /// `into` is writable memory.
    pub unsafe fn recv(&self, into: NonNull<[u8]>) -> Result<usize> {
        let fd = self.fd("recvmsg")?;
        loop {
            let mut address = kernel();
            let mut vector = libc::iovec {
                iov_base: into.as_ptr().cast(),
                iov_len: into.len(),
            };
            // SAFETY: msghdr is plain data, for which zero means "not given".
            let mut header: libc::msghdr = unsafe { zeroed() };
            header.msg_name = from_mut(&mut address).cast();
            header.msg_namelen = ADDRESS_SIZE;
            header.msg_iov = &mut vector;
            header.msg_iovlen = 1;
            // SAFETY: every pointer in the header is live; the caller vouches
            // for the buffer.
            let length = call("recvmsg", || unsafe { libc::recvmsg(fd, &mut header, 0) })?;
            // Any process may send here; only the kernel is believed.
            if address.nl_pid != 0 {
                continue;
            }
            if header.msg_flags & libc::MSG_TRUNC != 0 {
                return fail("recvmsg", libc::EMSGSIZE);
            }
            return Ok(length);
        }
    }

    pub fn close(&self) {
        drop(self.0.take());
    }

    fn fd(&self, syscall: &'static str) -> Result<c_int> {
        match &*self.0.borrow() {
            Some(fd) => Ok(fd.0),
            None => fail(syscall, libc::EBADF),
        }
    }
}

/// In linux/netlink.h since Linux 4.20. The libc crate has it for Android only.
const NETLINK_GET_STRICT_CHK: c_int = 12;

const ADDRESS_SIZE: libc::socklen_t = size_of::<libc::sockaddr_nl>() as libc::socklen_t;

/// Returns the kernel's address, port 0.
fn kernel() -> libc::sockaddr_nl {
    // SAFETY: plain data.
    let mut address: libc::sockaddr_nl = unsafe { zeroed() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    address
}
