// clip-oracle verify: which layer of another backend's dump is the first that is wrong, and by how much.

import type { CLIP } from '../../clip/clip.ts';
import type { Dump } from '../../formats/dump/dump.ts';
import type { ExaminedDump } from '../../oracle/examine.ts';
import { CLAIMS, type VerifyResult } from '../../oracle/types.ts';
import type { VerifyOptions, VerifyProgress } from '../../oracle/verify.ts';
import { argument, choice, defineCommand, file, flag, value, type OptionsOf } from '../command.ts';
import { CommandError, OK, SOME_FAILED } from '../errors.ts';
import { activationOption, commonOptions, computeOptions, pictureOptions, pipeline, pixelOptions } from '../options.ts';
import { modelName, oneOf } from '../values.ts';

const options = {
  model: value(
    '-m, --model <name>',
    "model by name (see `clip-oracle models`) or a checkpoint's path (default: what the dump says, or its shapes)",
    modelName,
  ),
  weights: file(
    '-w, --weights <file>',
    'weights: a file, a folder of shards, or synthetic:SEED (default: a seed in the dump, else the download ' +
      'of that name)',
  ),
  ...activationOption,
  claims: choice('--claims <precision>', `what the backend computes in: ${CLAIMS.join(', ')}`, CLAIMS, oneOf, {
    default: 'float32',
  }),
  tolerances: file(
    '--tolerances <file>',
    "limits of that precision, from clip-oracle tolerances (default: it is emulated on the dump's own image)",
  ),
  teacherForced: flag(
    '--teacher-forced',
    "give each layer the backend's own inputs, so that each verdict is the layer's own",
    false,
  ),
  map: file('--map <file>', 'JSON {"their name": "our path"}, for dumps with other names; the input is "image"'),
  html: file('--html <file>', 'write a report to look at'),
  json: flag('--json', 'print one JSON object', false),
  image: file('--image <file>', "the image that the backend was given (default: the dump's tensor image)"),
  pipeline: pipeline('how its pixels are made'),
  ...pictureOptions,
  input: file('-i, --input <file[:tensor]>', 'the pixels (N,3,R,R) that the backend was given, in a .safetensors file'),
  causes: flag('--no-causes', 'do not look for causes'),
  ...computeOptions,
  ...commonOptions,
};

type Options = OptionsOf<typeof options>;

export const verify = defineCommand({
  name: 'verify',
  summary: 'say which layer of another backend is wrong',
  description:
    "Compares a dump of another backend with this project's float32 and the float64 truth, layer by layer, " +
    'and names the first layer that is wrong.\n' +
    "rho is the backend's error over that of this project's float32: up to 4 is as good as float32 gets, " +
    'above 16 is wrong; bits = 24 - log2(rho).\n' +
    "A dump (.safetensors, .npz, or a folder of .npy) names its tensors by PyTorch's module paths, " +
    'visual.layer1.0.conv1, and has its input as image; some layers\n' +
    'are enough. NCHW or NHWC, float32, float64, float16 or bfloat16. Exit code 1: some layer is wrong.',
  arguments: [argument('<dump>', 'FILE.safetensors, FILE.npz, or a folder of .npy files')],
  options,
  examples: [
    ['clip-oracle verify dump.safetensors --model RN50', 'the dump has its input'],
    ['clip-oracle verify dump.npz --model ViT-B/32 --claims float16 --html report.html', 'held to what float16 earns'],
    [
      'clip-oracle verify dump --map names.json --teacher-forced --json',
      'a folder of .npy files with names of its own',
    ],
  ],
  run: ([path], options) => verifyDump(path, options),
});

async function verifyDump(path: string, options: Options): Promise<number> {
  if (options.image !== undefined && options.input !== undefined)
    throw new CommandError('expected either --image or --input, got both; leave one out');
  const { readMap } = await import('../verify-inputs.ts');
  const map = options.map === undefined ? {} : await readMap(options.map);
  const { openDump } = await import('../../formats/dump/open.ts');
  const dump = await openDump(path);
  try {
    const result = await verdictOn(dump, map, options);
    const { standardOutput } = await import('../../formats/atomic-file.ts');
    const { resultJson, resultTable } = await import('../verify-output.ts');
    await standardOutput.write(options.json ? resultJson(result) : resultTable(result, path, process.stdout));
    return result.verdict === 'pass' ? OK : SOME_FAILED;
  } finally {
    await dump.close();
  }
}

/** The comparison, and its report where --html asks for one. */
async function verdictOn(dump: Dump, map: Record<string, string>, options: Options): Promise<VerifyResult> {
  const { aboutWeights, examined, tolerancesIn } = await import('../verify-inputs.ts');
  const { withModel } = await import('../with-model.ts');
  const { withOutput } = await import('../with-output.ts');
  const { claims: claim, teacherForced, causes, image: file, input, html, quiet } = options;
  const pixels =
    input === undefined
      ? undefined
      : (await (await import('../../features/tensor-input.ts')).readTensorInput(input, 'float32')).x;
  const wanted = await examined(dump, options, map, file === undefined ? pixels : 'later');
  const { model, weights } = wanted;
  return withOutput(html, (output) =>
    withModel({ ...options, model, weights }, async (loaded) => {
      const image = file === undefined ? pixels : await loaded.preprocess(file, pixelOptions(options));
      const collector =
        html === undefined ? null : (await import('../../oracle/report/collector.ts')).reportCollector();
      const settings: VerifyOptions = {
        claim,
        tolerances: await tolerancesIn(options, model),
        teacherForced,
        causes,
        map,
        image,
        otherImages: otherImages(options, loaded.model),
        onLayer: collector?.onLayer,
      };
      const found = await compared(loaded.model, wanted.dump, settings, quiet);
      const notes = [...(found.notes ?? []), ...(await aboutWeights(dump, wanted, found))];
      const result: VerifyResult = { ...found, notes };
      if (collector !== null)
        await output.write((await import('../../oracle/report/html.ts')).reportHtml(result, collector.data()));
      return result;
    }),
  );
}

/** What each stage counts. */
const UNITS: Readonly<Record<VerifyProgress['stage'], string>> = {
  layers: 'modules',
  'own inputs': "modules on the backend's own inputs",
  causes: 'causes tried',
};

async function compared(
  model: CLIP,
  dump: Dump | ExaminedDump,
  options: VerifyOptions,
  quiet: boolean | undefined,
): Promise<VerifyResult> {
  const { verify } = await import('../../oracle/verify.ts');
  const { Progress } = await import('../terminal/progress.ts');
  const progress = await Progress.create({ unit: UNITS.layers, total: null, quiet });
  try {
    let during: VerifyProgress['stage'] = 'layers';
    return await verify(model, dump, {
      ...options,
      onProgress({ stage, done, total }) {
        if (stage !== during) progress.next(UNITS[(during = stage)]);
        progress.update(done, total);
      },
    });
  } finally {
    progress.stop();
  }
}

/** What else the picture of --image may have been made into. */
const otherImages = (options: Options, model: CLIP): VerifyOptions['otherImages'] => {
  const { image, pipeline } = options;
  return image === undefined
    ? undefined
    : async () => {
        const { otherCrops } = await import('../../oracle/other-crops.ts');
        const preprocessing = model.preprocessing!; // dumps are of image towers
        return otherCrops(image, preprocessing.resolution, pipeline ?? preprocessing.pipeline, {
          ...preprocessing,
          ...pixelOptions(options),
        });
      };
};
