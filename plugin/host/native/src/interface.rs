//! Which CPUs handle what comes from a network interface.

use crate::files;
use crate::sys::{At, Fd, Result, call, fail, utf8};
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

/// A file of sysfs has no more than a page.
const MAX_MASK: usize = 64 << 10;

/// Steering of src/host.ts.
pub struct Steering {
    pub driver: String,
    pub masks: Vec<String>,
    pub cpus: String,
    pub is_written: bool,
}

/// Host.steer of src/host.ts.
pub fn steer(name: &str, undo: bool, dry_run: bool) -> Result<Steering> {
    let mut found = Steering {
        driver: driver(name)?,
        masks: Vec::new(),
        cpus: String::new(),
        is_written: false,
    };
    if found.driver != "veth" {
        return Ok(found);
    }
    found.cpus = cpus()?;
    let (from, to) = match undo {
        true => (found.cpus.as_str(), "0"),
        false => ("0", found.cpus.as_str()),
    };
    let dir = format!("/sys/class/net/{name}/queues/");
    let mut files = files::read_dir(&dir)?;
    files.retain(|queue| queue.starts_with("rx-"));
    for file in &mut files {
        *file = format!("{dir}{file}/rps_cpus");
        found.masks.push(bare(&text(file)?));
    }
    found.is_written = found.masks.iter().all(|mask| mask == from);
    if found.is_written && !dry_run {
        for file in &files {
            files::append(file, to.as_bytes(), 0)?;
        }
    }
    Ok(found)
}

fn text(path: &str) -> Result<String> {
    utf8(files::read(path, MAX_MASK)?).at(path)
}

/// Returns the mask without the zeros at its beginning, whose number depends on who writes it.
fn bare(mask: &str) -> String {
    match mask.trim().trim_start_matches(['0', ',']) {
        "" => "0".into(),
        mask => mask.into(),
    }
}

/// Returns the mask of the CPUs that may handle packets, in groups of 32 bits as
/// bitmap_parse of the kernel reads them.
fn cpus() -> Result<String> {
    let mut words: Vec<u32> = Vec::new();
    for list in ["online", "isolated", "nohz_full"] {
        let ranges = match text(&format!("/sys/devices/system/cpu/{list}")) {
            // A kernel without CONFIG_NO_HZ_FULL.
            Err(e) if e.errno == libc::ENOENT && list == "nohz_full" => continue,
            ranges => ranges?,
        };
        for range in ranges.trim().split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            // A list without a CPU is empty, or "(null)".
            let (Ok(first), Ok(last)) = (first.parse(), last.parse::<usize>()) else {
                continue;
            };
            for cpu in first..=last {
                let bit = 1 << (cpu % 32);
                if list == "online" {
                    words.resize(words.len().max(cpu / 32 + 1), 0);
                }
                match words.get_mut(cpu / 32) {
                    Some(word) if list == "online" => *word |= bit,
                    Some(word) => *word &= !bit,
                    None => {}
                }
            }
        }
    }
    let groups: Vec<String> = words.iter().rev().map(|w| format!("{w:08x}")).collect();
    Ok(bare(&groups.join(",")))
}

/// Returns the name of the interface's driver. ENODEV if there is no such interface,
/// EOPNOTSUPP if its driver does not say, EINVAL if the name is too long for one.
fn driver(name: &str) -> Result<String> {
    // The kernel looks at no more than what stands before a colon, and the name becomes a
    // part of a path.
    if name.contains(['/', ':']) {
        return fail("ioctl", libc::ENODEV);
    }
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
