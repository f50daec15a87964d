// An engine that is a browser: the page is served from here, runs the program, and posts its lines back. No driver, no
// puppeteer.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { enginesFolder } from './folder.ts';
import { makeRun } from './launch.ts';
import { ResultLines } from './lines.ts';
import { runProcess, type Command } from './run-process.ts';
import { servePage } from './server.ts';
import { described, type Engine, type EngineParts } from './types.ts';

export interface BrowserEngine extends EngineParts {
  /** The command that opens a page, with a new empty folder for its profile. */
  command(url: string, profile: string): Command;
  /** Started before and ended after (a display); gives what it adds to the environment. */
  around?(profile: string): Promise<{ env: Record<string, string>; stop: () => Promise<void> }>;
}

/** Makes an Engine of a browser. */
export function browserEngine(browser: BrowserEngine): Engine {
  return {
    ...described(browser),
    async run(bundleFile, args, { folder = enginesFolder(), timeLimit, onProgress } = {}) {
      const run = makeRun(join(folder, 'runs'), bundleFile, 'browser', args);
      const profile = mkdtempSync(join(folder, 'runs', 'profile-'));
      const lines = new ResultLines(onProgress);
      const server = await servePage(run.folder, lines);
      let display: Awaited<ReturnType<NonNullable<typeof browser.around>>> | undefined;
      try {
        const version = await browser.version(folder);
        display = await browser.around?.(profile);
        const command = browser.command(server.url, profile);
        // Everything that a browser writes goes to the profile; as root, Firefox refuses a home folder that belongs to
        // another.
        const env = {
          HOME: profile,
          XDG_RUNTIME_DIR: profile,
          XDG_CACHE_HOME: profile,
          XDG_CONFIG_HOME: profile,
          XDG_DATA_HOME: profile,
          ...display?.env,
          ...command.env,
        };
        // A browser's own talk must not be taken for lines of the program: only the page's posts count.
        const result = await runProcess({ ...command, env }, { timeLimit, lines, finished: server.finished });
        return { version, result };
      } finally {
        await display?.stop();
        await server.close();
        run.remove();
        rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
      }
    },
  };
}
