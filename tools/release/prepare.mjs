// What `npm ci` and `npm install` do in a checkout, and npm when it installs straight from git: build, so that the
// commands and the demo start at once. Not run for the package from the registry. Where there is a build already
// nothing happens: npm also calls this after prepack, whose condensed files must stay.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
if (!existsSync(`${root}/dist/src/cli/main.js`))
  execFileSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
