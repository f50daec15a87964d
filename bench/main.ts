// npm run bench -- [PART] [OPTIONS]: verify, then time. Without a part, the products of the models and whole models.

/** The parts, each a program of its own that reads the options after its name. */
const PARTS: Readonly<Record<string, { what: string; run: () => Promise<unknown> }>> = {
  models: { what: 'products of the models, then whole models (default)', run: () => import('./models.ts') },
  elementwise: { what: 'kernels of every operation except matrix products', run: () => import('./elementwise.ts') },
  tour: { what: 'the steps of docs/kernel-tour.md', run: () => import('./kernel-tour.ts') },
  text: { what: 'the text tower beside onnxruntime-web', run: () => import('./text/main.ts') },
  peers: { what: 'image towers beside onnxruntime and tfjs', run: () => import('./peers/main.ts') },
};

const [name] = process.argv.slice(2);
if (name !== undefined && !name.startsWith('-') && !Object.hasOwn(PARTS, name)) {
  const list = Object.entries(PARTS).map(([part, { what }]) => `  ${part.padEnd(12)}${what}`);
  process.stderr.write(`bench: expected a part, got "${name}"; npm run bench -- PART --help\n${list.join('\n')}\n`);
  process.exit(2);
}
if (name !== undefined && Object.hasOwn(PARTS, name)) process.argv.splice(2, 1);
await (PARTS[name] ?? PARTS.models).run();
