// Before publishing: does the tag fit the version, does the changelog have it, and does package.json name the
// repository that the provenance will name? Reads GITHUB_REF_NAME and GITHUB_REPOSITORY, which GitHub sets. Usage: node
// tools/release/check-release.mjs

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** @returns what keeps this commit from being published, a sentence each */
function releaseFaults({ version, repository }, changelog, { GITHUB_REF_NAME: tag, GITHUB_REPOSITORY: place }) {
  const faults = [];
  if (tag !== `v${version}`)
    faults.push(
      `the tag expected v${version}, package.json's version, got ${tag ?? 'none'}; tag the commit that has the version`,
    );
  const heading = changelog.split('\n').find((line) => line.startsWith('## '));
  if (!new RegExp(`^## ${version.replaceAll('.', '\\.')} \\(\\d{4}-\\d\\d-\\d\\d\\)$`).test(heading ?? '')) {
    faults.push(
      `CHANGELOG.md expected its first heading to be "## ${version} (YYYY-MM-DD)", got "${heading ?? 'none'}"; ` +
        'write the date',
    );
  }
  const wanted = `git+https://github.com/${place ?? 'OWNER/NAME'}.git`;
  if (repository?.url !== wanted)
    faults.push(
      `package.json's repository.url expected ${wanted}, got ${repository?.url ?? 'none'}; npm refuses ` +
        'provenance that names another repository',
    );
  return faults;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const read = (name) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
  const faults = releaseFaults(JSON.parse(read('package.json')), read('CHANGELOG.md'), process.env);
  for (const fault of faults) console.error(`check-release: ${fault}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
