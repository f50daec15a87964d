// The README of a golden pack: everything that somebody needs who has only the pack and another language.

import { PACK_FILE, SAMPLES_FILE, type GoldenPack } from './pack.ts';

/** @param withImage whether samples.safetensors holds the input */
export function packReadme(pack: GoldenPack, withImage: boolean): string {
  const { model, seed, samples, image } = pack;
  const last = pack.modules[pack.modules.length - 1];
  const claims = Object.keys(last.tolerances);
  return `# ${model}, golden pack

What CLIP's image tower ${model} gives, layer by layer, for weights and an image that every language can make: test a \
backend without a download,
without PyTorch. Made by \`clip-oracle golden --model ${model} --seed ${seed}\`, clip-oracle ${pack.version}, \
numerics contract ${pack.contract}.

| file | what |
|---|---|
| \`${PACK_FILE}\` | for each of ${pack.modules.length} modules under PyTorch's path, in the network's order: shape, \
SHA-256 of the float32 result, Euclidean norm of the truth, tolerances |
| \`${SAMPLES_FILE}\` | under each module's name the truth (float64) at ${samples} places at most; \`visual\`, the \
features, whole; \`float32/visual\`, the float32 features${withImage ? '; `image`, the input' : ''} |

\`truth\` is the same network computed in float64 with float32 weights and input taken exactly.

## The weights
\`synthetic:${seed}\`: parameters are a function of (seed, name, shape). Names and shapes are those of OpenAI's state \
dict (\`visual.conv1.weight\`, …).

    key     = (seed mod 2^32, CRC-32 of the UTF-8 bytes of the parameter's name)
    words   w[2j], w[2j+1] = Threefry-2x32, 20 rounds, of key and counter (j, 0), j = 0, 1, 2, …
    v[i]    = ((w[i] >> 8) - 2^23) / 2^23                          exact, in [-1, 1)
    x[i]    = float32(center + float32(v[i] * float32(amplitude)))  i in row-major order

Threefry: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011), as in JAX; rotations 13 15 26 6 17 29 \
16 24, parity constant 0x1BD11BDA.
Key (0, 0) and counter (0, 0) give 6b200159 99ba4efe. Center and amplitude by the first line that fits, amplitudes \
computed in float64:

| parameter | center | amplitude |
|---|---|---|
| \`logit_scale\` | 2.6592600369327783 | 0 |
| \`….running_mean\` | 0 | 0.1 |
| \`….running_var\` | 1 | 0.5 |
| \`….bias\`, \`….in_proj_bias\` | 0 | 0.1 |
| \`….layerN.M.bn3.weight\` | 0.25 | 0.125 |
| any other \`….weight\` with one axis | 1 | 0.25 |
| \`….positional_embedding\`, \`….class_embedding\`, \`token_embedding.weight\` | 0 | sqrt(3 / last extent) |
| \`….proj\`, \`text_projection\` | 0 | sqrt(3 / first extent) |
| \`….weight\` with four axes and shape[1] != 3 | 0 | sqrt(6 / (shape[1] * shape[2] * shape[3])) |
| any other \`….weight\` | 0 | sqrt(3 / product of shape[1:]) |

\`weightsSha256\` tells whether you have them: SHA-256 over the image tower's parameters in the order of OpenAI's \
state dict (without \`num_batches_tracked\`), for each the
line \`NAME D0xD1x…\\n\`, then its elements as little-endian float32.

## The input
\`image\`, shape (${image.shape.join(', ')}): x[i] = 2 * v[i] with the name \`image\` and the same seed. No \
preprocessing. Its hash is \`image.sha256\`.

## Equal to the bit?
\`sha256\` is over a module's output in row-major order as little-endian float32, every NaN as 7fc00000. \
\`allSha256\` is over the lines \`HEX  NAME\\n\` of \`image\` and all modules,
sorted by the names' bytes. Only an implementation of clip-oracle's numerics contract is expected to be equal; it \
says that it is, in one comparison.

## Near enough?
Of an output B with n elements, K = min(n, ${samples}) places are known (all n of \`visual\`):

    place[k] = k if n <= ${samples}, else ((k * 2654435761 mod 2^32) * n) div 2^32          in 64-bit integers
    relRms  ~= sqrt(sum over k of (B[place[k]] - truth[k])^2 / K) / (norm / sqrt(n))

It passes if relRms <= tolerances[claim]; twice that is fair where only samples are known. A claim is the precision \
that a backend computes in
${claims.length === 0 ? '(this pack was made without tolerances)' : `(${claims.join(', ')})`}; the tolerance is twice \
what the same network, emulated in that precision, is off on this very input, of float32 four times what the \
contract's own float32 is off.
For \`visual\` of this pack: ${
    claims.length === 0
      ? 'none'
      : Object.entries(last.tolerances)
          .map(([claim, value]) => `${claim} ${value}`)
          .join(', ')
  }.

With clip-oracle at hand, \`clip-oracle golden --check DUMP --pack FOLDER\` does all this, and \`clip-oracle verify \
DUMP --model ${model} --weights ${pack.weights}\` compares every element and says
what is wrong.
`;
}
