// clip-oracle embed: one line per image or text with its feature.

import type { AtomicFile } from '../../formats/atomic-file.ts';
import type { Sink, Source } from '../../features/pipeline.ts';
import type { ResumableFeatures } from '../../features/resume.ts';
import { defineCommand, file, type OptionsOf, type OptionSpec } from '../command.ts';
import { OK, SOME_FAILED } from '../errors.ts';
import { commonOptions, imageOptions, images, modelChanges } from '../options.ts';

const textArg: OptionSpec<string[] | undefined> = {
  kind: 'text',
  flags: '--text-arg <text...>',
  help: 'embed these texts instead of images; several, or the option several times',
};

const options = {
  ...imageOptions,
  ...modelChanges,
  text: file('--text <file>', 'embed the texts of a file instead of images, one a line; - for standard input'),
  textArg,
  out: file(
    '-o, --out <file>',
    'write to a file instead: .jsonl, .npy (its paths in FILE.npy.json) or .safetensors, which a second run continues ' +
      '(both with NaN rows where an image failed)',
  ),
  ...commonOptions,
};

export const embed = defineCommand({
  name: 'embed',
  summary: 'print the feature of each image or text, as JSON Lines',
  description:
    'Prints the CLIP feature of each image: one JSON object per line, in input ' +
    'order,\n{"path","model","weights","pipeline","features":[…]}, or {"path","error"} for an image that ' +
    'cannot be read.\nTexts (--text, --text-arg) give {"text","model","weights","features":[…]}; what the model does ' +
    'not read of a long one is cut off.',
  arguments: [images],
  options,
  examples: [
    ['clip-oracle embed photo.jpg', 'with the small model that comes along'],
    ['clip-oracle embed photos --model ViT-B/32 --normalize --out features.npy', 'a folder into one (N,512) array'],
    ['clip-oracle embed photos --model ViT-B/32 --out features.safetensors', 'the same; run again, it continues'],
    ['find . -name "*.png" -print0 | clip-oracle embed -0 - --model RN50', 'a list of paths'],
    ['clip-oracle embed --text captions.txt --model ViT-B/32 --out texts.npy', 'texts, one a line'],
    ['clip-oracle embed photo.jpg --model RN50 --weights synthetic:0', 'portable test weights, no download'],
    ['clip-oracle embed photo.jpg --model ViT-L/14 --residency half', 'the same numbers in about half the memory'],
    ['clip-oracle embed photo.jpg --model ViT-B/16 --adapter my-lora', 'with a LoRA adapter'],
  ],
  run: ([paths], given) => embedAll(paths, given),
});

type Given = OptionsOf<typeof options>;
type Done = { count: number; failed: number; passedOver: number };
/** Sends what is to be embedded through the model; `resumed` passes over what is known. */
type Run = (sink: Sink, resumed: ResumableFeatures | null) => Promise<Done>;

async function embedAll(paths: string[], given: Given): Promise<number> {
  const { checkEnding, featureWriter } = await import('../../features/write.ts');
  const { exitCodeOf, isFailure, openSource, reportFailure, runImages } = await import('../run-images.ts');
  const { openTexts, runTexts } = await import('../run-texts.ts');
  const { withModel } = await import('../with-model.ts');
  const { withOutput } = await import('../with-output.ts');
  const { out, input, adapter, resolution, pipeline, precision, normalize, quiet } = given;
  const { exifOrientation, tolerateTruncated } = given;
  checkEnding(out);
  const texts = await openTexts(paths, given);
  const source = texts === null ? await openSource(paths, given) : null;
  let finished: (() => Promise<void>) | undefined;
  const done = await withOutput(out, (output) =>
    withModel(given, async (loaded) => {
      const { name: model, weights, architecture, preprocessing } = loaded.model;
      const head = {
        ...{ model, weights, adapter, resolution, normalized: normalize },
        ...(texts === null
          ? {
              pipeline: input === undefined ? (pipeline ?? preprocessing?.pipeline ?? null) : null,
              exifOrientation,
              tolerateTruncated,
            }
          : { pipeline: null, of: 'texts' as const }),
      };
      const run: Run = async (sink, resumed) => {
        if (texts !== null)
          return runTexts(texts, resumed?.remainingTexts(texts.lines) ?? texts.lines, given, loaded.model, sink);
        const left: Source = resumed === null || 'tensor' in source! ? source! : await resumed.remaining(source!);
        return runImages(left, given, loaded, {
          feature: (...row) => sink.feature(...row),
          failure: (path, error) => {
            if (isArray(out)) reportFailure(path, error);
            return sink.failure(path, error);
          },
        });
      };
      if (isSafetensors(out) && input === undefined) {
        const { ResumableFeatures } = await import('../../features/resume.ts');
        const features = await ResumableFeatures.open(out!, head, architecture.embed, precision);
        finished = () => features.close(false);
        try {
          const done = await run(features, features);
          await features.complete(output as AtomicFile);
          if (features.kept > 0 && !quiet)
            process.stderr.write(`clip-oracle: ${features.kept} features were known from an earlier run\n`);
          return done;
        } catch (error) {
          await features.close(true);
          throw error;
        }
      }
      const features = featureWriter(output, out, head, architecture.embed, precision);
      const done = await run(features, null);
      await features.complete();
      return done;
    }),
  );
  await finished?.();
  return isArray(out) ? (isFailure(done, given) ? SOME_FAILED : OK) : exitCodeOf(done, given);
}

/** Arrays have no place for the reason of a failure: it goes to standard error. */
const isArray = (out: string | undefined): boolean => /\.(?:npy|safetensors)$/i.test(out ?? '');
const isSafetensors = (out: string | undefined): boolean => /\.safetensors$/i.test(out ?? '');
