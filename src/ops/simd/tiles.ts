// Rows of a tile. What is best depends on the engine's compiler, never the bits on it (docs/kernel-tour.md has the measurements).

/** Node 20's compiler (V8 11) keeps eight sums in registers and no more; later ones gain from ten. Told by a language feature that came with V8 12. */
export const MR_OF_THIS_ENGINE = typeof (Array as { fromAsync?: unknown }).fromAsync === 'function' ? 5 : 4;
