//! The Host object of src/host.ts: turns its calls into system calls and their errors
//! into SysError objects. The calls of FullHost are in full.rs.

use crate::netlink::Socket;
use crate::sys::{self, At, SysError};
use crate::{files, full, interface, locks, signals};
use rquickjs::function::{Constructor, IntoJsFunc, Opt, This};
use rquickjs::{CString, Ctx, Error, FromJs, Function, Object, Result, TypedArray, Value};
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int};
use std::ops::Deref;
use std::rc::Rc;

/// The limit for a file that is read without a limit of its own.
const MAX_FILE: usize = 1 << 20;

pub fn create<'js>(ctx: &Ctx<'js>, args: Vec<String>) -> Result<Object<'js>> {
    type C<'js> = Ctx<'js>;
    let host = Object::new(ctx.clone())?;
    host.set("argv", args)?;

    method(&host, "env", |name: Text| sys::env(&name))?;
    method(&host, "stdin", |ctx: C<'js>| {
        sys::read_all(0, sys::MAX_STDIN)
            .and_then(sys::utf8)
            .or_throw(&ctx)
    })?;
    method(&host, "write", |ctx: C<'js>, fd: c_int, text: Text| {
        match fd {
            2 => sys::write_err(text.as_bytes()),
            _ => sys::write_out(text.as_bytes()),
        }
        .or_throw(&ctx)
    })?;
    method(&host, "netlink", |ctx: C<'js>, protocol: c_int, ms: f64| {
        socket(&ctx, Socket::open(protocol, ms).or_throw(&ctx)?)
    })?;

    method(
        &host,
        "readFile",
        |ctx: C<'js>, path: Text, limit: Opt<f64>| {
            let limit = limit.map_or(MAX_FILE, |n| n as usize);
            files::read(&path, limit)
                .and_then(|bytes| sys::utf8(bytes).at(&path))
                .or_throw(&ctx)
        },
    )?;
    method(
        &host,
        "writeFile",
        |ctx: C<'js>, path: Text, text: Text, mode: u32| {
            files::write(&path, text.as_bytes(), mode).or_throw(&ctx)
        },
    )?;
    method(
        &host,
        "appendFile",
        |ctx: C<'js>, path: Text, text: Text, mode: u32| {
            files::append(&path, text.as_bytes(), mode).or_throw(&ctx)
        },
    )?;
    method(
        &host,
        "copyFile",
        |ctx: C<'js>, from: Text, to: Text, mode: u32| files::copy(&from, &to, mode).or_throw(&ctx),
    )?;
    method(&host, "rename", |ctx: C<'js>, from: Text, to: Text| {
        files::rename(&from, &to).or_throw(&ctx)
    })?;
    method(&host, "unlink", |ctx: C<'js>, path: Text| {
        files::unlink(&path).or_throw(&ctx)
    })?;
    method(&host, "mkdir", |ctx: C<'js>, path: Text, mode: u32| {
        files::mkdir(&path, mode).or_throw(&ctx)
    })?;
    method(&host, "readDir", |ctx: C<'js>, path: Text| {
        files::read_dir(&path).or_throw(&ctx)
    })?;
    method(&host, "steer", |ctx: C<'js>, name: Text| {
        interface::steer(&name, false, false)
            .map(drop)
            .or_throw(&ctx)
    })?;
    method(
        &host,
        "flock",
        |ctx: C<'js>, path: Text, ms: f64, as_fifo: Opt<bool>| {
            let lock = locks::flock(&path, ms, as_fifo.0.unwrap_or(false));
            let held = Cell::new(Some(lock.or_throw(&ctx)?));
            Function::new(ctx, move || drop(held.take()))
        },
    )?;

    method(&host, "now", || sys::clock(libc::CLOCK_REALTIME).floor())?;
    method(&host, "ticks", sys::ticks)?;
    method(&host, "sleep", signals::sleep)?;
    method(&host, "signal", signals::pending_signal)?;
    method(&host, "full", |this: This<Object<'js>>| {
        full::extend(this.0)
    })?;
    Ok(host)
}

fn socket<'js>(ctx: &Ctx<'js>, socket: Socket) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    let socket = Rc::new(socket);
    let s = socket.clone();
    method(
        &object,
        "send",
        move |ctx: Ctx<'js>, bytes: TypedArray<'js, u8>| {
            // A detached buffer has no memory.
            let bytes = bytes.as_raw().ok_or(Error::Unknown)?;
            // SAFETY: the array keeps its memory while no JavaScript runs.
            unsafe { s.send(bytes) }.or_throw(&ctx)
        },
    )?;
    let s = socket.clone();
    method(
        &object,
        "recv",
        move |ctx: Ctx<'js>, into: TypedArray<'js, u8>| {
            let into = into.as_raw().ok_or(Error::Unknown)?;
            // SAFETY: as above; nothing else refers to that memory meanwhile.
            unsafe { s.recv(into) }.or_throw(&ctx).map(|n| n as f64)
        },
    )?;
    method(&object, "close", move || socket.close())?;
    Ok(object)
}

pub fn method<'js, P, F>(object: &Object<'js>, name: &str, f: F) -> Result<()>
where
    F: IntoJsFunc<'js, P> + 'js,
{
    object.set(name, Function::new(object.ctx().clone(), f)?)
}

pub trait OrThrow<T> {
    fn or_throw(self, ctx: &Ctx) -> Result<T>;
}

impl<T> OrThrow<T> for sys::Result<T> {
    fn or_throw(self, ctx: &Ctx) -> Result<T> {
        self.map_err(|e| throw(ctx, e).unwrap_or_else(|e| e))
    }
}

fn throw(ctx: &Ctx, e: SysError) -> Result<Error> {
    let (code, text) = describe(e.errno);
    let what = match &e.path {
        Some(path) => format!("{} {path}", e.syscall),
        None => e.syscall.to_owned(),
    };
    // Its constructor makes it, because an error that the engine's API makes has no stack.
    let constructor: Constructor = ctx.globals().get("Error")?;
    let error: Object = constructor.construct((format!("{what}: {text} ({code})"),))?;
    error.set("name", "SysError")?;
    error.set("code", code)?;
    error.set("errno", e.errno)?;
    error.set("syscall", e.syscall)?;
    if let Some(path) = e.path {
        error.set("path", path)?;
    }
    Ok(ctx.throw(error.into_value()))
}

/// Returns the error's name and words: ("ENOENT", "No such file or directory").
fn describe(errno: c_int) -> (&'static str, &'static str) {
    // Both are in glibc since 2.32 and return NULL for a number that they do not know.
    unsafe extern "C" {
        fn strerrorname_np(errno: c_int) -> *const c_char;
        fn strerrordesc_np(errno: c_int) -> *const c_char;
    }
    let text = |s: *const c_char| match s.is_null() {
        true => "unknown",
        // SAFETY: not NULL, so a constant string.
        false => unsafe { CStr::from_ptr(s) }.to_str().unwrap_or("unknown"),
    };
    // SAFETY: neither keeps nor changes anything.
    unsafe { (text(strerrorname_np(errno)), text(strerrordesc_np(errno))) }
}

/// A JavaScript string as UTF-8. A lone surrogate becomes U+FFFD, as in a TextEncoder.
pub struct Text(pub String);

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'js> FromJs<'js> for Text {
    fn from_js(ctx: &Ctx<'js>, value: Value<'js>) -> Result<Self> {
        let text = CString::from_js(ctx, value)?;
        // SAFETY: pointer and length of a live C string. Not as_str(): the
        // engine writes a lone surrogate as three bytes that are not UTF-8.
        let bytes =
            unsafe { std::slice::from_raw_parts(text.as_ptr().cast(), text.len()) }.to_vec();
        String::from_utf8(bytes)
            .or_else(|e| String::from_utf8(without_surrogates(e.into_bytes())))
            .map(Text)
            .map_err(|e| Error::Utf8(e.utf8_error()))
    }
}

/// Returns the bytes with U+FFFD in place of what the engine writes for lone surrogates.
fn without_surrogates(mut bytes: Vec<u8>) -> Vec<u8> {
    for i in 2..bytes.len() {
        if let [0xed, 0xa0..=0xbf, _] = bytes[i - 2..=i] {
            bytes[i - 2..=i].copy_from_slice("\u{fffd}".as_bytes());
        }
    }
    bytes
}
