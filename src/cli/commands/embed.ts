// clip-oracle embed: one line per image with its feature.

import { defineCommand, file, type OptionsOf } from '../command.ts';
import { OK, SOME_FAILED } from '../errors.ts';
import { commonOptions, imageOptions, images, modelChanges } from '../options.ts';

const options = {
  ...imageOptions,
  ...modelChanges,
  out: file(
    '-o, --out <file>',
    'write to a file instead: .jsonl, .npy or .safetensors (NaN rows where an image failed)',
  ),
  ...commonOptions,
};

export const embed = defineCommand({
  name: 'embed',
  summary: 'print the feature of each image, as JSON Lines',
  description:
    'Prints the CLIP feature of each image: one JSON object per line, in input ' +
    'order,\n{"path","model","weights","pipeline","features":[…]}, or {"path","error"} for an image that ' +
    'cannot be read.',
  arguments: [images],
  options,
  examples: [
    ['clip-oracle embed photo.jpg', 'with the small model that comes along'],
    ['clip-oracle embed photos --model ViT-B/32 --normalize --out features.npy', 'a folder into one (N,512) array'],
    ['find . -name "*.png" | clip-oracle embed - --model RN50', 'a list of paths'],
    ['clip-oracle embed photo.jpg --model RN50 --weights synthetic:0', 'portable test weights, no download'],
    ['clip-oracle embed photo.jpg --model ViT-L/14 --residency half', 'the same numbers in about half the memory'],
    ['clip-oracle embed photo.jpg --model ViT-B/16 --adapter my-lora', 'with a LoRA adapter'],
  ],
  run: ([paths], given) => embedImages(paths, given),
});

async function embedImages(paths: string[], given: OptionsOf<typeof options>): Promise<number> {
  const { checkEnding, featureWriter } = await import('../../features/write.ts');
  const { exitCodeOf, isFailure, openSource, reportFailure, runImages } = await import('../run-images.ts');
  const { withModel } = await import('../with-model.ts');
  const { withOutput } = await import('../with-output.ts');
  const { out, input, adapter, resolution, pipeline, precision } = given;
  checkEnding(out);
  const source = await openSource(paths, given);
  const done = await withOutput(out, (output) =>
    withModel(given, async (loaded) => {
      const { name: model, weights, architecture } = loaded.model;
      const head = { model, weights, adapter, resolution, pipeline: input === undefined ? pipeline : null };
      const features = featureWriter(output, out, head, architecture.embed, precision);
      const done = await runImages(source, given, loaded, {
        feature: (...row) => features.feature(...row),
        failure: (path, error) => {
          if (isArray(out)) reportFailure(path, error);
          return features.failure(path, error);
        },
      });
      await features.complete();
      return done;
    }),
  );
  return isArray(out) ? (isFailure(done, given) ? SOME_FAILED : OK) : exitCodeOf(done, given);
}

/** Arrays have no place for the reason of a failure: it goes to standard error. */
const isArray = (out: string | undefined): boolean => /\.(?:npy|safetensors)$/i.test(out ?? '');
