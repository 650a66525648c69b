//! The calls of FullHost in src/host.ts, for the command line and the agent. They are
//! bound when they are asked for: each costs thousands of instructions, which a verb
//! would pay in vain.

use crate::files::TextReader;
use crate::host::{OrThrow, Text, method};
use crate::http::{Page, Server};
use crate::interface::{self, Steering};
use crate::locks::LockWatch;
use crate::{files, sockopt, sys};
use rquickjs::function::Opt;
use rquickjs::{Ctx, Error, Object, Result, TypedArray};
use std::cell::RefCell;
use std::ffi::c_int;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The limit for a file that is read as bytes, as executables are.
const MAX_BYTES: usize = 16 << 20;

pub fn extend<'js>(host: Object<'js>) -> Result<Object<'js>> {
    type C<'js> = Ctx<'js>;
    method(&host, "columns", |fd: c_int| sys::columns(fd))?;
    method(&host, "stat", |ctx: C<'js>, path: Text| stat(&ctx, &path))?;
    method(&host, "readBytes", |ctx: C<'js>, path: Text| {
        let bytes = files::read(&path, MAX_BYTES).or_throw(&ctx)?;
        TypedArray::<u8>::new(ctx, bytes)
    })?;
    method(&host, "openText", |ctx: C<'js>, path: Opt<Option<Text>>| {
        let path = path.0.flatten().map(|text| text.0);
        text_reader(&ctx, TextReader::open(path).or_throw(&ctx)?)
    })?;
    method(&host, "readLink", |ctx: C<'js>, path: Text| {
        files::read_link(&path).or_throw(&ctx)
    })?;
    method(
        &host,
        "chown",
        |ctx: C<'js>, path: Text, uid: u32, gid: u32| files::chown(&path, uid, gid).or_throw(&ctx),
    )?;
    method(&host, "rmdir", |ctx: C<'js>, path: Text| {
        files::rmdir(&path).or_throw(&ctx)
    })?;
    method(
        &host,
        "steering",
        |ctx: C<'js>, name: Text, undo: bool, dry_run: bool| {
            let found = interface::steer(&name, undo, dry_run).or_throw(&ctx)?;
            steering(&ctx, found)
        },
    )?;
    method(&host, "watchLock", |ctx: C<'js>, path: Text| {
        lock_watch(&ctx, LockWatch::open(&path).or_throw(&ctx)?)
    })?;
    method(&host, "sync", |ctx: C<'js>, path: Text| {
        files::sync(&path).or_throw(&ctx)
    })?;
    method(
        &host,
        "getsockopt",
        |ctx: C<'js>, domain: c_int, level: c_int, name: c_int, value: TypedArray<'js, u8>| {
            // A detached buffer has no memory.
            let value = value.as_raw().ok_or(Error::Unknown)?;
            // SAFETY: the array keeps its memory while no JavaScript runs.
            let length = unsafe { sockopt::get(domain, level, name, value) };
            length.or_throw(&ctx).map(|n| n as f64)
        },
    )?;
    method(&host, "serve", |ctx: C<'js>, address: Text| {
        server(&ctx, Server::open(&address).or_throw(&ctx)?)
    })?;
    Ok(host)
}

fn steering<'js>(ctx: &Ctx<'js>, found: Steering) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    object.set("driver", found.driver)?;
    object.set("masks", found.masks)?;
    object.set("cpus", found.cpus)?;
    object.set("isWritten", found.is_written)?;
    Ok(object)
}

fn stat<'js>(ctx: &Ctx<'js>, path: &str) -> Result<Object<'js>> {
    let stat = files::stat(path).or_throw(ctx)?;
    let kind = match stat.st_mode & libc::S_IFMT {
        libc::S_IFREG => "file",
        libc::S_IFDIR => "directory",
        _ => "other",
    };
    let object = Object::new(ctx.clone())?;
    object.set("kind", kind)?;
    object.set("mode", stat.st_mode & 0o7777)?;
    object.set("uid", stat.st_uid)?;
    object.set("gid", stat.st_gid)?;
    object.set("size", stat.st_size as f64)?;
    let mtime = stat.st_mtime as f64 * 1e3 + stat.st_mtime_nsec as f64 / 1e6;
    object.set("mtimeMs", mtime)?;
    object.set("ino", stat.st_ino as f64)?;
    Ok(object)
}

fn text_reader<'js>(ctx: &Ctx<'js>, reader: TextReader) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    let reader = Rc::new(RefCell::new(reader));
    let r = reader.clone();
    method(&object, "read", move |ctx: Ctx<'js>| {
        r.borrow_mut().read().or_throw(&ctx)
    })?;
    method(&object, "close", move || reader.borrow_mut().close())?;
    Ok(object)
}

fn lock_watch<'js>(ctx: &Ctx<'js>, watch: LockWatch) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    let watch = Rc::new(watch);
    let w = watch.clone();
    method(&object, "wait", move |ms: f64| w.wait(ms))?;
    method(&object, "close", move || watch.close())?;
    Ok(object)
}

fn server<'js>(ctx: &Ctx<'js>, server: Server) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    let server = Rc::new(RefCell::new(server));
    let s = server.clone();
    method(
        &object,
        "publish",
        move |path: Text, status: u16, content_type: Text, body: Text, valid_ms: u32| {
            let page = Page {
                status,
                content_type: content_type.0,
                body: body.0,
                valid_until: Instant::now() + Duration::from_millis(valid_ms.into()),
            };
            s.borrow().publish(path.0, page);
        },
    )?;
    method(&object, "close", move || server.borrow_mut().close())?;
    Ok(object)
}
