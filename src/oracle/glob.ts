// Patterns of module paths: `*` stands for any part of one component (no dot), `**` for anything, `?` for one character
// of a component.
// Several patterns are separated by commas. `visual.layer1.*` is the blocks of layer1, `visual.layer1.**` all that is
// in them, `**.attn` every attention.

/**
 * @param glob `visual.layer1.**`, or several patterns `**.conv1,visual`
 * @throws RangeError for an empty pattern
 */
export function moduleFilter(glob: string): (name: string) => boolean {
  const patterns = glob.split(',').map((pattern) => pattern.trim());
  if (patterns.includes(''))
    throw new RangeError(
      'layers: expected patterns of module paths such as "visual.layer1.**" or "**.attn,visual", got ' +
        `"${glob}"; leave it out for all layers`,
    );
  const expressions = patterns.map(
    (pattern) =>
      new RegExp(
        `^${pattern
          .split(/(\*\*|\*|\?)/)
          .map((part) => WILD[part] ?? part.replace(/[\\^$.|+()[\]{}]/g, '\\$&'))
          .join('')}$`,
      ),
  );
  return (name) => expressions.some((expression) => expression.test(name));
}

const WILD: Readonly<Record<string, string>> = { '**': '.*', '*': '[^.]*', '?': '[^.]' };
