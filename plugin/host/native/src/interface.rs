//! What only an ioctl tells about a network interface.

use crate::sys::{Fd, Result, call, fail};
use std::ffi::c_int;
use std::mem::zeroed;
use std::ptr::from_mut;

/// struct ethtool_drvinfo of linux/ethtool.h; nothing after `driver` is looked at.
#[repr(C)]
struct DriverInfo {
    cmd: u32,
    driver: [u8; 32],
    rest: [u8; 160],
}

const ETHTOOL_GDRVINFO: u32 = 3;

/// Returns the name of the interface's driver. ENODEV if there is no such interface,
/// EOPNOTSUPP if its driver does not say, EINVAL if the name is too long for one.
pub fn driver(name: &str) -> Result<String> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers.
    let fd = call("socket", || unsafe {
        libc::socket(libc::AF_INET, kind, 0) as isize
    })?;
    let fd = Fd(fd as c_int);
    let mut info = DriverInfo {
        cmd: ETHTOOL_GDRVINFO,
        driver: [0; 32],
        rest: [0; 160],
    };
    // SAFETY: ifreq is plain data.
    let mut request: libc::ifreq = unsafe { zeroed() };
    // One less, because the kernel wants a NUL after it.
    let room = request.ifr_name.len() - 1;
    if name.len() > room {
        return fail("ioctl", libc::EINVAL);
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_data = from_mut(&mut info).cast();
    // SAFETY: the request and what it points to outlive the call, which writes no more
    // than the kernel's ethtool_drvinfo, and that has this size.
    call("ioctl", || unsafe {
        libc::ioctl(fd.0, libc::SIOCETHTOOL, from_mut(&mut request)) as isize
    })?;
    let text = info.driver.split(|byte| *byte == 0).next();
    Ok(String::from_utf8_lossy(text.unwrap_or_default()).into_owned())
}
