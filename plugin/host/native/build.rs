//! Compiles every chunk of the bundle to bytecode, with the same engine that
//! will run it, and writes the table that engine.rs includes. The bytes stay
//! uncompressed: they are read straight from the page cache.
//!
//! Bytecode is bound to the byte order of the engine that wrote it. For a target of
//! another one, this file is also a program of its own (the feature `chunks`), which is
//! run in an emulator first; CHUNKS then names the directory that it has filled.

use rquickjs::context::intrinsic;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::{CatchResultExt, Context, Ctx, Module, Runtime, WriteOptions, module::Declared};
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let bundle = if cfg!(feature = "probe") {
        "probe"
    } else {
        "bundle"
    };
    let package = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let dir = package.join("../../../build/out").join(bundle);
    println!("cargo::rerun-if-changed={}", dir.display());
    let script = package.join("unwind.ld");
    println!("cargo::rerun-if-changed={}", script.display());
    println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
    let out = PathBuf::from(env::var("OUT_DIR")?);

    println!("cargo::rerun-if-env-changed=CHUNKS");
    if let Ok(chunks) = env::var("CHUNKS") {
        println!("cargo::rerun-if-changed={chunks}");
        for entry in fs::read_dir(&chunks)? {
            let entry = entry?;
            fs::copy(entry.path(), out.join(entry.file_name()))?;
        }
        return Ok(());
    }

    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).map_err(|e| format!("{}: {e}", dir.display()))? {
        let name = entry?.file_name().into_string().map_err(|_| "name")?;
        if name.ends_with(".js") {
            names.push(name);
        }
    }
    names.sort(); // the order of a directory is not reproducible

    let mut table = String::from("static CHUNKS: &[Chunk] = &[\n");
    for name in &names {
        let source = fs::read_to_string(dir.join(name))?;
        let needs = needs(name, &source)?;
        let file = name.replace(".js", ".qbc");
        fs::write(out.join(&file), compile(name, source)?)?;
        writeln!(
            table,
            "Chunk {{ name: {name:?}, needs: &[{needs}], \
             code: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}\")) }},"
        )?;
    }
    table.push_str("];\n");
    fs::write(out.join("chunks.rs"), table)?;
    Ok(())
}

/// Returns the intrinsics that the engine must have before a chunk runs, by the names
/// in its text. No name is missed, because a minifier cannot rename globals. A name that
/// stands in a string costs a few microseconds.
fn needs(name: &str, source: &str) -> Result<String, Box<dyn Error>> {
    let need = |word: &str| match word {
        "Date" => Some("Need::Date"),
        "RegExp" => Some("Need::RegExp"),
        "Map" | "Set" | "WeakMap" | "WeakSet" => Some("Need::MapSet"),
        "ArrayBuffer" | "SharedArrayBuffer" | "DataView" | "Atomics" => Some("Need::TypedArrays"),
        // The host's call of that name makes a typed array.
        "readBytes" => Some("Need::TypedArrays"),
        _ if word.ends_with("Array") && word.contains(char::is_numeric) => {
            Some("Need::TypedArrays")
        }
        _ => None,
    };
    let words = source.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
    let mut needs: BTreeSet<_> = words.filter_map(need).collect();
    if has_regexp(name, source)? {
        needs.insert("Need::RegExp");
    }
    Ok(needs.into_iter().collect::<Vec<_>>().join(", "))
}

/// Returns true if the source has a regular expression: a parser that has no compiler
/// for them refuses it.
fn has_regexp(name: &str, source: &str) -> Result<bool, Box<dyn Error>> {
    let runtime = Runtime::new()?;
    runtime.set_loader(Anything, Anything);
    Context::custom::<intrinsic::Eval>(&runtime)?.with(|ctx| {
        match Module::declare(ctx.clone(), name, source).catch(&ctx) {
            Ok(_) => Ok(false),
            Err(e) if e.to_string().contains("RegExp are not supported") => Ok(true),
            Err(e) => Err(format!("{name}: {e}").into()),
        }
    })
}

fn compile(name: &str, source: String) -> Result<Vec<u8>, Box<dyn Error>> {
    let runtime = Runtime::new()?;
    runtime.set_loader(Anything, Anything);
    Context::full(&runtime)?.with(|ctx| {
        let write = || {
            Module::declare(ctx.clone(), name, source)?.write(WriteOptions {
                strip_source: true,
                // Stack traces need it for their lines and files.
                strip_debug: false,
                ..WriteOptions::default()
            })
        };
        let mut code = write().catch(&ctx).map_err(|e| format!("{name}: {e}"))?;
        // Byte 0 is the version, 1 to 4 a checksum of the rest. With all ones it is not
        // checked (JS_ReadObjectAtoms): a check would read every page.
        code.get_mut(1..5).ok_or("no header")?.fill(0xff);
        Ok(code)
    })
}

/// Gives any import an empty module: the engine resolves static imports while it compiles.
struct Anything;

impl Resolver for Anything {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        _: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        Ok(name.into())
    }
}

impl Loader for Anything {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        Module::declare(ctx.clone(), name, "")
    }
}
