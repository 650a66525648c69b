//! Functions that the engine's Math takes from the C library and the bundle never calls.
//! glibc has tables of them for each instruction set, a tenth of the executable. These
//! take their place, because the linker takes the first definition that it finds.

macro_rules! stand_in {
    ($($name:ident($($x:ident),+);)+) => {
        $(
            // SAFETY: the C library's function of this name, by its signature.
            #[unsafe(no_mangle)]
            extern "C" fn $name($($x: f64),+) -> f64 {
                libm::$name($($x),+)
            }
        )+
    };
}

stand_in! {
    acos(x);
    acosh(x);
    asin(x);
    asinh(x);
    atan(x);
    atan2(y, x);
    atanh(x);
    cos(x);
    cosh(x);
    sin(x);
    sinh(x);
    tan(x);
    tanh(x);
}
