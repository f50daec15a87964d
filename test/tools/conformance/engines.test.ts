// How engines are run: what a page is served, what counts as a result, that nothing of an engine outlives its run, and
// that what is missing is named.
// The engines themselves are not started here: that is `npm run conformance -- --engines`.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { needSystem } from '../../../tools/conformance/engines/debian.ts';
import { denoVersion } from '../../../tools/conformance/engines/deno.ts';
import { enginesFolder } from '../../../tools/conformance/engines/folder.ts';
import { engines, findEngine } from '../../../tools/conformance/engines/index.ts';
import { hostModule, makeRun, type HostKind } from '../../../tools/conformance/engines/launch.ts';
import { ResultLines } from '../../../tools/conformance/engines/lines.ts';
import { browserEngine } from '../../../tools/conformance/engines/page.ts';
import { programEngine } from '../../../tools/conformance/engines/program.ts';
import { runProcess } from '../../../tools/conformance/engines/run-process.ts';
import { servePage } from '../../../tools/conformance/engines/server.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'engines-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const node = (code: string) => ({ command: process.execPath, args: ['-e', code] });
const shell = (script: string) => ({ command: '/bin/sh', args: ['-c', script] });
const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A child whose parent was killed is a zombie until init takes it.
    return existsSync(`/proc/${pid}/stat`) ? !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8')) : true;
  } catch {
    return false;
  }
};
const until = async (condition: () => boolean) => {
  for (let waited = 0; !condition() && waited < 5000; waited += 20)
    await new Promise((resolve) => setTimeout(resolve, 20));
  return condition();
};

describe('lines', () => {
  test('RESULT is parsed wherever the pieces are cut, and PROGRESS goes to whoever listens', () => {
    const text = 'talk\nPROGRESS one\nPROGRESS two\r\nRESULT {"hashes":{"a":"ü"}}';
    for (let cut = 0; cut <= text.length; cut++) {
      const progress: string[] = [];
      const lines = new ResultLines((line) => progress.push(line));
      lines.push(text.slice(0, cut));
      lines.push(text.slice(cut));
      lines.end();
      expect({ result: lines.result, failure: lines.failure, other: lines.other, progress }).toEqual({
        result: { hashes: { a: 'ü' } },
        failure: undefined,
        other: ['talk'],
        progress: ['one', 'two'],
      });
    }
  });

  test.each([
    ['RESULT {"a":', /not a JSON object/],
    ['RESULT 3', /not a JSON object/],
    ['RESULT null', /not a JSON object/],
    ['RESULT [1]', /not a JSON object/],
    ['RESULT {}\nRESULT {}', /RESULT twice/],
    ['FAILED no memory', /^no memory$/],
    ['FAILED', /no reason given/],
    ['RESULT {}\nFAILED late', /late/],
  ])('%j is a failure', (text, message) => {
    const lines = new ResultLines();
    lines.push(`${text}\n`);
    expect(lines.failure).toMatch(message);
  });

  test('a line that only mentions a result is none', () => {
    const lines = new ResultLines();
    lines.push('the RESULT {}\nRESULTS {}\n RESULT {}\n');
    expect(lines.result).toBeUndefined();
    expect(lines.other).toHaveLength(3);
  });
});

describe('processes', () => {
  test('a result is what the process printed, its progress is passed on', async () => {
    const progress: string[] = [];
    const result = await runProcess(shell('echo PROGRESS half; echo \'RESULT {"two":2}\''), {
      onProgress: (text) => progress.push(text),
    });
    expect(result).toEqual({ two: 2 });
    expect(progress).toEqual(['half']);
  });

  test('the time limit ends the process and its children', async () => {
    const file = join(folder, 'pid');
    const script = `sleep 1000 & echo $! > '${file}'; echo still at it >&2; wait`;
    await expect(runProcess(shell(script), { timeLimit: 1 })).rejects.toThrow(
      /within 1 s, ended with its children.*still at it/s,
    );
    const child = Number(readFileSync(file, 'utf8'));
    expect(child).toBeGreaterThan(0);
    expect(await until(() => !alive(child))).toBe(true);
  });

  test('children that a finished process left behind are ended too', async () => {
    const file = join(folder, 'pid');
    await runProcess(shell(`sleep 1000 >/dev/null 2>&1 & echo $! > '${file}'; echo 'RESULT {}'`));
    expect(await until(() => !alive(Number(readFileSync(file, 'utf8'))))).toBe(true);
  });

  test.each([
    ['exit 3', /ended by exit code 3 without/],
    ['echo no module >&2; exit 1', /exit code 1 without; it said:\nno module/],
    ['kill -SEGV $$', /ended by signal SIGSEGV without/],
    ['echo FAILED out of memory; exit 0', /the program failed: out of memory/],
  ])('%s is an error that says how it ended', async (script, message) => {
    await expect(runProcess(shell(script))).rejects.toThrow(message);
  });

  test('a missing program is an error that names the remedy', async () => {
    await expect(
      runProcess({ command: 'no-such-engine', args: [], remedy: 'apt-get install no-such-engine' }),
    ).rejects.toThrow(/"no-such-engine" expected to be installed.*: apt-get install no-such-engine$/);
    await expect(needSystem('no-such-engine', ['one', 'two'])).rejects.toThrow(
      /as root run `apt-get install --no-install-recommends one two`, or this command with --install/,
    );
    await expect(needSystem(process.execPath, ['none'])).resolves.toBeUndefined();
  });
});

describe('pages', () => {
  const ask = (url: string, method: string, path: string, body = '') =>
    new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
      const { hostname, port } = new URL(url);
      // Not fetch, which would take ".." out of the path before it is sent.
      const sent = request({ hostname, port, path, method }, (response) => {
        let text = '';
        response
          .setEncoding('utf8')
          .on('data', (piece: string) => {
            text += piece;
          })
          .on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      });
      sent.on('error', reject).end(body);
    });

  test('are cross-origin isolated, and modules are JavaScript', async () => {
    writeFileSync(join(folder, 'index.html'), '<p>');
    writeFileSync(join(folder, 'main.mjs'), '1');
    const server = await servePage(folder, new ResultLines());
    try {
      for (const [path, type] of [
        ['/', 'text/html; charset=utf-8'],
        ['/main.mjs?x', 'text/javascript'],
      ]) {
        const { status, headers } = await ask(server.url, 'GET', path);
        expect(status).toBe(200);
        expect(headers).toMatchObject({
          'content-type': type,
          'cross-origin-opener-policy': 'same-origin',
          'cross-origin-embedder-policy': 'require-corp',
          'cache-control': 'no-store',
        });
      }
      expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:/);
    } finally {
      await server.close();
    }
  });

  test('give nothing outside their folder', async () => {
    writeFileSync(join(folder, 'secret'), 'secret');
    const inner = join(folder, 'inner');
    mkdirSync(inner);
    const server = await servePage(inner, new ResultLines());
    try {
      for (const path of ['/../secret', '/%2e%2e/secret', '/..%2fsecret', '//../secret', '/%', '/\0']) {
        const { status, text } = await ask(server.url, 'GET', path.replace('\0', '%00'));
        expect(status).not.toBe(200);
        expect(text).toBe('');
      }
      expect((await ask(server.url, 'PUT', '/main.mjs', 'x')).status).toBe(405);
      expect(readdirSync(inner)).toEqual([]);
    } finally {
      await server.close();
    }
  });

  test('post lines, and are finished with RESULT or FAILED', async () => {
    for (const last of ['RESULT {"two":2}', 'FAILED no memory']) {
      const lines = new ResultLines();
      const server = await servePage(folder, lines);
      let finished = false;
      void server.finished.then(() => {
        finished = true;
      });
      try {
        expect((await ask(server.url, 'POST', '/result', 'PROGRESS half')).status).toBe(204);
        expect(finished).toBe(false);
        await ask(server.url, 'POST', '/result', last);
        await server.finished;
        expect(lines.result ?? lines.failure).toEqual(last.startsWith('RESULT') ? { two: 2 } : 'no memory');
      } finally {
        await server.close();
      }
    }
  });

  test('of a browser give its result, after which it is ended and its profile gone', async () => {
    // A browser that fetches the page and posts, and would run for ever.
    const browser = browserEngine({
      name: 'pretended',
      processor: 'any',
      install: () => Promise.resolve(),
      version: () => Promise.resolve('Pretended 1'),
      // What it prints itself is no line of the program.
      command: (url, profile) =>
        node(`console.log('FAILED to find a display\\nRESULT {}'); fetch(${JSON.stringify(url)} + 'host.mjs').then((r) => r.text()).then((text) => fetch(${JSON.stringify(url)} + 'result', { method: 'POST', body: 'RESULT ' +
        JSON.stringify({ posts: text.includes('/result'), args: /args: (.*),/.exec(text)[1], home: process.env.HOME === ${JSON.stringify(profile)} }) })); setInterval(() => {}, 1000)`),
    });
    mkdirSync(join(folder, 'bundle'));
    writeFileSync(join(folder, 'bundle', 'bundle.mjs'), '');
    const { version, result } = await browser.run(join(folder, 'bundle', 'bundle.mjs'), ['sweep=4099'], {
      folder,
      timeLimit: 20,
    });
    expect({ version, result }).toEqual({
      version: 'Pretended 1',
      result: { posts: true, args: '["sweep=4099"]', home: true },
    });
    expect(readdirSync(join(folder, 'runs'))).toEqual([]);
  });
});

describe('the launcher', () => {
  test.each<HostKind>(['node', 'deno', 'bun', 'browser', 'shell', 'quickjs', 'gjs'])(
    'hands arguments to a %s whatever is in them',
    (kind) => {
      const args = ['models=ViT-B/32 text', '"quoted"', "it's", '\\', '</script>', '\u2028'];
      const source = hostModule(kind, args)
        .replace(/^import .*\n/, '')
        .replace(/const post = [^]*?;\n};\n/, '')
        .replace(/^addEventListener.*\n/gm, '');
      const made = new Function('globalThis', source) as (scope: object) => void;
      const scope: { conformanceHost?: { args: string[]; kind: string } } = {};
      made(scope);
      expect(scope.conformanceHost).toMatchObject({
        args,
        kind: { quickjs: 'shell', gjs: 'shell' }[kind as string] ?? kind,
      });
    },
  );

  test('a program runs after its host is known, in a folder that is gone afterwards', async () => {
    mkdirSync(join(folder, 'bundle'));
    const file = join(folder, 'bundle', 'program.mjs');
    writeFileSync(
      file,
      "import { value } from './beside.mjs';\nconst { args, print, kind } = " +
        "globalThis.conformanceHost;\nprint('RESULT ' + JSON.stringify({ args, kind, value }));\n",
    );
    writeFileSync(join(folder, 'bundle', 'beside.mjs'), 'export const value = 3;\n');
    const engine = programEngine({
      name: 'this',
      processor: 'any',
      kind: 'node',
      install: () => Promise.resolve(),
      version: () => Promise.resolve('Node'),
      command: (_folder, mainFile) => ({ command: process.execPath, args: [mainFile] }),
    });
    expect(await engine.run(file, ['a b', 'c'], { folder })).toEqual({
      version: 'Node',
      result: { args: ['a b', 'c'], kind: 'node', value: 3 },
    });
    expect(readdirSync(join(folder, 'runs'))).toEqual([]);
  });

  test('a run that is made again does not see the one before', () => {
    mkdirSync(join(folder, 'bundle'));
    writeFileSync(join(folder, 'bundle', 'bundle.mjs'), '');
    const [a, b] = [1, 2].map(() => makeRun(join(folder, 'runs'), join(folder, 'bundle', 'bundle.mjs'), 'browser', []));
    expect(a.folder).not.toBe(b.folder);
    expect(readdirSync(a.folder)).toEqual(expect.arrayContaining(['bundle.mjs', 'host.mjs', 'index.html', 'main.mjs']));
    a.remove();
    expect(existsSync(a.folder)).toBe(false);
    expect(existsSync(b.folder)).toBe(true);
  });
});

describe('the registry', () => {
  test('names each engine once, and says which there are when one is asked for that is not', () => {
    const names = engines.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(findEngine(name).name).toBe(name);
    expect(() => findEngine('netscape')).toThrow(/expected names of engines, got "netscape": choose from node20, /);
    expect(() => findEngine('')).toThrow(RangeError);
  });

  test('has every engine and processor of the matrix', () => {
    const names = engines.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'node20',
        'node22',
        'node24',
        'node26',
        'deno',
        'bun',
        'chromium',
        'firefox',
        'webkitgtk',
        'wpe',
        'jsc',
        'spidermonkey',
        'gjs',
        'quickjs',
      ]),
    );
    expect(new Set(engines.map(({ processor }) => processor.split(/[ ,]/)[0]))).toEqual(
      new Set(['x86-64', 'aarch64', 'armv7', 'ia32', 's390x', 'ppc64le', 'mips64el']),
    );
  });

  test('installs outside the project', () => {
    expect(enginesFolder({})).toMatch(/\.cache\/clip-oracle-engines$/);
    expect(enginesFolder({ CLIP_ORACLE_ENGINES: '/elsewhere' })).toBe('/elsewhere');
    expect(enginesFolder({ CLIP_ORACLE_ENGINES: '' })).toBe(enginesFolder({}));
  });

  test('reads versions as the programs print them', () => {
    expect(
      denoVersion('deno 2.9.6 (stable, release, x86_64-unknown-linux-gnu)\nv8 15.0.245.2-rusty\ntypescript 6.0.1'),
    ).toBe('Deno 2.9.6 (V8 15.0)');
  });
});
