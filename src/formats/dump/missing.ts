/** The error for a name that a dump does not have. */
export function missingTensor(path: string, name: string, names: Iterable<string>): RangeError {
  const all = [...names];
  const some =
    all.length === 0
      ? 'no tensors'
      : `${all.length} ${all.length === 1 ? 'tensor' : 'tensors'}: ${all
          .slice(0, 5)
          .map((one) => one.slice(0, 100))
          .join(', ')}${all.length > 5 ? ', …' : ''}`;
  return new RangeError(`"${path}" has no tensor "${name}"; it has ${some}`);
}
