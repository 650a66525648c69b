//! The engine: it has only the intrinsics that the bundle uses, and loads the chunks of
//! bytecode that build.rs embedded.

use crate::{host, sys};
use rquickjs::context::{Intrinsic, intrinsic};
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::promise::MaybePromise;
use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Error, Function, Module, Object, Runtime,
};

include!(concat!(env!("OUT_DIR"), "/chunks.rs"));

/// The intrinsics that every start needs. Eval is not among them, so no parser is linked
/// in and `eval` throws.
type Intrinsics = (intrinsic::Json, intrinsic::Promise);

/// Intrinsics that are added when the first chunk needs them, because together they take
/// a quarter of the instructions of a start.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "build.rs names those that the bundle needs")]
enum Need {
    Date,
    MapSet,
    RegExp,
    TypedArrays,
}

struct Chunk {
    name: &'static str,
    needs: &'static [Need],
    code: &'static [u8],
}

/// A plugin that needs more than this is broken. An error is better than the OOM killer.
const MEMORY_LIMIT: usize = 56 << 20;
const MAX_STACK: usize = 512 << 10;
const GC_THRESHOLD: usize = 1 << 20;

/// Passes main's exit code, or the text of an uncaught error, to `exit`, which does not
/// return: tearing the engine down would only cost time.
pub fn run(args: Vec<String>, exit: impl FnOnce(Result<i32, String>) -> i32) -> i32 {
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(e) => return exit(Err(e.to_string())),
    };
    runtime.set_memory_limit(MEMORY_LIMIT);
    // Half of the system's limit, so that the engine throws before the kernel kills:
    // JSON.parse recurses as deep as its input is nested.
    runtime.set_max_stack_size(MAX_STACK.min(sys::stack_limit() / 2));
    // The engine's start alone comes near the default of 256 KiB, and a collection then
    // finds nothing, because reference counts free almost all garbage.
    runtime.set_gc_threshold(GC_THRESHOLD);
    runtime.set_loader(Chunks::default(), Chunks::default());
    match Context::custom::<Intrinsics>(&runtime) {
        Ok(context) => {
            context.with(|ctx| exit(start(&ctx, args).catch(&ctx).map_err(|e| describe(&e))))
        }
        Err(e) => exit(Err(e.to_string())),
    }
}

fn start<'js>(ctx: &Ctx<'js>, args: Vec<String>) -> rquickjs::Result<i32> {
    let module: Object = Module::import(ctx, "main.js")?.finish()?;
    let main: Function = module.get("main")?;
    let result: MaybePromise = main.call((host::create(ctx, args)?,))?;
    result.finish()
}

fn describe(error: &CaughtError) -> String {
    match error {
        CaughtError::Exception(e) => {
            let name: String = e.get("name").unwrap_or_default();
            let message = e.message().unwrap_or_default();
            let stack = e.stack().unwrap_or_default();
            format!("{name}: {message}\n{stack}")
        }
        // The engine throws null when no memory is left for an error.
        CaughtError::Value(v) if v.is_null() => "out of memory".into(),
        CaughtError::Error(Error::WouldBlock) => "main can never settle".into(),
        e => e.to_string(),
    }
}

/// Resolves and loads chunks from the table, and remembers which intrinsics are added.
#[derive(Default)]
struct Chunks {
    met: [bool; 4],
}

impl Chunks {
    fn meet(&mut self, ctx: &Ctx, need: Need) {
        let Some(met @ false) = self.met.get_mut(need as usize) else {
            return;
        };
        *met = true;
        let add = match need {
            Need::Date => intrinsic::Date::add_intrinsic,
            Need::MapSet => intrinsic::MapSet::add_intrinsic,
            Need::RegExp => intrinsic::RegExp::add_intrinsic,
            Need::TypedArrays => intrinsic::TypedArrays::add_intrinsic,
        };
        // SAFETY: a live context, and once for each.
        unsafe { add(ctx.as_raw()) }
    }
}

impl Resolver for Chunks {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        _: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        Ok(name.trim_start_matches("./").into())
    }
}

impl Loader for Chunks {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        let chunk = CHUNKS
            .iter()
            .find(|chunk| chunk.name == name)
            .ok_or_else(|| Error::new_loading(name))?;
        for need in chunk.needs {
            self.meet(ctx, *need);
        }
        // SAFETY: build.rs wrote this bytecode with this very engine.
        unsafe { Module::load(ctx.clone(), chunk.code) }
    }
}
