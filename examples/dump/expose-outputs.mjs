// Makes every module's output an output of an ONNX graph, so that any runtime hands it out. No dependencies; runs in
// browsers too.
//
//   node expose-outputs.mjs model.onnx traced.onnx [names.json]
//
// Graphs that PyTorch exports name their nodes by module (`/visual/layer1/layer1.0/conv1/Conv`); a module's output is
// what the last node inside it gives. names.json is the mapping file for `clip-oracle verify --map`, for dumps that
// keep the graph's own names.

/** Hugging Face's module paths as OpenAI's, which the oracle knows. */
const HUGGING_FACE = [
  [/^vision_model\.embeddings\.patch_embedding$/, 'visual.conv1'],
  [/^vision_model\.pre_layrnorm$/, 'visual.ln_pre'], // their spelling
  [/^vision_model\.post_layernorm$/, 'visual.ln_post'],
  [/^visual_projection$/, 'visual'],
  [/^vision_model\.encoder\.layers\./, 'visual.transformer.resblocks.'],
  [/\.self_attn$/, '.attn'],
  [/\.layer_norm(?=[12]$)/, '.ln_'],
  [/\.mlp\.fc1$/, '.mlp.c_fc'],
  [/\.mlp\.activation_fn$/, '.mlp.gelu'],
  [/\.mlp\.fc2$/, '.mlp.c_proj'],
];

/** The modules that a node lies in, innermost first, from a name such as `/visual/layer1/layer1.0/conv1/Conv`. */
export function modulesOf(nodeName) {
  const scopes = nodeName.split('/').slice(1, -1);
  // Children of a Sequential repeat its name: layer1/layer1.0 is layer1.0.
  const path = scopes.map((scope, i) =>
    i > 0 && scope.startsWith(`${scopes[i - 1]}.`) ? scope.slice(scopes[i - 1].length + 1) : scope,
  );
  return path.map((_, i) => path.slice(0, i + 1).join('.')).reverse();
}

const openAIName = (module) => HUGGING_FACE.reduce((name, [pattern, ours]) => name.replace(pattern, ours), module);

/**
 * @param {Uint8Array} onnx an ONNX model; parameters in files beside it stay there
 * @param {(module: string) => boolean} wanted whose outputs; default all
 * @returns {{ model: Uint8Array, modules: Map<string, string> }} the model with more outputs, and the name of the
 *   graph's value for each module
 */
export function exposeOutputs(onnx, wanted = () => true) {
  const parts = [];
  let modules;
  for (const field of fields(onnx)) {
    if (field.number !== 7) {
      // ModelProto.graph is field 7
      parts.push(field.whole);
      continue;
    }
    const graph = field.content;
    const outputs = new Set();
    modules = new Map();
    for (const { number, content } of fields(graph)) {
      if (number === 12) outputs.add(string(content, 1)); // GraphProto.output
      if (number !== 1) continue; // GraphProto.node
      for (const module of modulesOf(string(content, 3)).map(openAIName)) {
        // NodeProto.name
        if (wanted(module)) modules.set(module, string(content, 2)); // NodeProto.output
      }
    }
    const added = [...new Set(modules.values())].filter((value) => !outputs.has(value));
    const changed = join([
      graph,
      ...added.map((value) => delimited(12, delimited(1, new TextEncoder().encode(value)))),
    ]); // ValueInfoProto.name
    parts.push(delimited(7, changed));
  }
  if (modules === undefined || modules.size === 0)
    throw new Error(
      'expected an ONNX model whose nodes are named by module, as torch.onnx.export names them; found none',
    );
  return { model: join(parts), modules };
}

// Protocol buffers: fields are a varint (number << 3 | wire type), then the content; wire type 2 has its length before
// it.

function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const start = at;
    const key = varint();
    const type = key & 7;
    if (type === 0) varint();
    const length = type === 2 ? varint() : { 0: 0, 1: 8, 5: 4 }[type];
    if (length === undefined) throw new Error('expected an ONNX model; this is no protocol buffer');
    const content = bytes.subarray(at, (at += length));
    yield { number: key >>> 3, content, whole: bytes.subarray(start, at) };
  }
}

/** The first string in a field of a message, '' if it has none. */
function string(message, number) {
  for (const field of fields(message)) if (field.number === number) return new TextDecoder().decode(field.content);
  return '';
}

function delimited(number, content) {
  const head = [number * 8 + 2];
  let length = content.length;
  for (; length >= 128; length = Math.floor(length / 128)) head.push((length % 128) + 128);
  return join([Uint8Array.from([...head, length]), content]);
}

function join(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * The mapping file. Of the modules that share a value (a stage and its last block) it has the innermost, but the
 * features are `visual`.
 */
export function mappingFile(modules) {
  const names = {};
  for (const [module, value] of modules) {
    const other = names[value] ?? '';
    if (module === 'visual' || (other !== 'visual' && module.length > other.length)) names[value] = module;
  }
  return `${JSON.stringify(names, null, 1)}\n`;
}

if (globalThis.process?.argv[1]?.endsWith('expose-outputs.mjs')) {
  const { readFileSync, writeFileSync } = await import('node:fs');
  const [from, to, names] = process.argv.slice(2);
  const { model, modules } = exposeOutputs(readFileSync(from));
  writeFileSync(to, model); // in the same folder, where it finds its parameters if they lie in files of their own
  if (names !== undefined) writeFileSync(names, mappingFile(modules));
}
