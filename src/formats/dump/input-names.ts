// The names under which a dump may hold the network's input.

/** Names that programs give the input pixels, the likeliest first. Our own dumps hold them as `image`. */
export const INPUTS: readonly string[] = ['image', 'images', 'pixels', 'pixel_values', 'input', 'x'];
