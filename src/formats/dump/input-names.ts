// The names under which a dump may hold the network's input.

/** What programs call the pixels that go in, the likeliest first. A dump of ours carries them as `image`. */
export const INPUTS: readonly string[] = ['image', 'images', 'pixels', 'pixel_values', 'input', 'x'];
