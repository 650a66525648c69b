//! The native host: runs the bundle's `main(host)` and exits with the number that it
//! resolves to. No logic lives here. The calls that the bundle may make are in host.rs.

// Rust's own start-up (stack guard, signal handlers, thread records) is paid
// on every exec and buys nothing here: one thread, no panics to report.
#![no_main]

mod engine;
mod files;
mod full;
mod host;
mod http;
mod interface;
mod listen;
mod locks;
mod math;
mod netlink;
mod signals;
mod sockopt;
mod sys;
mod zone;

use std::ffi::{CStr, c_char, c_int};

/// # Safety
/// Called by the C runtime, once, with the arguments of the process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    sys::prefault_heap();
    sys::reserve_standard_fds();
    sys::ignore_write_signals();
    let args = (1..usize::try_from(argc).unwrap_or(0))
        .map(|i| {
            // SAFETY: the C runtime passes argc NUL-terminated strings.
            let arg = unsafe { CStr::from_ptr(*argv.add(i)) };
            arg.to_string_lossy().into_owned()
        })
        .collect();
    engine::run(args, |outcome| match outcome {
        Ok(code) => sys::exit(code),
        Err(text) => {
            report(&text);
            sys::exit(1)
        }
    })
}

/// Reports an error that the bundle let through. A runtime parses stdout, so it must
/// find an error object there (CNI spec, section 5, "Error"). If that cannot be written
/// either, standard error gets the text.
fn report(text: &str) {
    let complain = || sys::write_err(format!("{text}\n").as_bytes());
    let result = if sys::env("CNI_COMMAND").is_some() {
        let mut json =
            String::from(r#"{"cniVersion":"1.1.0","code":999,"msg":"internal error","details":""#);
        escape(text, &mut json);
        json.push_str("\"}\n");
        sys::write_out(json.as_bytes()).or_else(|_| complain())
    } else {
        complain()
    };
    // If both failed, nobody is left to tell but the reader of the exit code.
    drop(result);
}

/// Writes the text as the contents of a JSON string (RFC 8259, section 7).
fn escape(text: &str, json: &mut String) {
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            c if c < ' ' => json.push_str(&format!("\\u{:04x}", c as u32)),
            c => json.push(c),
        }
    }
}
