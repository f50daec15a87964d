// WebKit in its two Linux ports. WebKitGTK needs a display, and says that a page is cross-origin isolated but has
// SharedArrayBuffer only when an environment variable is set; WPE of Debian 12 (Safari 16.0) has neither SIMD nor
// shared memory.
import { existsSync } from 'node:fs';
import { needSystem, packageVersion } from './debian.ts';
import { browserEngine } from './page.ts';
import { startGroup } from './run-process.ts';
import type { Engine } from './types.ts';

const GTK = '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser';
const GTK_PACKAGES = ['webkit2gtk-driver', 'xvfb', 'xauth'];
const WPE = '/usr/lib/x86_64-linux-gnu/wpe-webkit-1.1/MiniBrowser';
const WPE_PACKAGES = ['wpewebkit-driver', 'cog'];

/** Starts a virtual display at the first free number. */
async function startDisplay(): Promise<{ env: Record<string, string>; stop: () => Promise<void> }> {
  let number = 77;
  while (existsSync(`/tmp/.X11-unix/X${number}`) || existsSync(`/tmp/.X${number}-lock`)) number += 1;
  let stderr = '';
  const group = startGroup(
    {
      command: 'Xvfb',
      args: [`:${number}`, '-screen', '0', '1024x768x24', '-nolisten', 'tcp'],
      remedy: 'apt-get install xvfb',
    },
    () => {},
    (text) => {
      stderr += text;
    },
  );
  let gone: string | undefined;
  void group.ended.then((how) => {
    gone = how;
  });
  for (let waited = 0; !existsSync(`/tmp/.X11-unix/X${number}`); waited += 50) {
    if (gone !== undefined || waited > 10_000) {
      group.kill();
      throw new Error(
        `Xvfb :${number}: expected a display within 10 s, ${gone ?? 'none came'}: ${stderr.trim().slice(-500)}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    env: { DISPLAY: `:${number}` },
    stop: async () => {
      process.kill(group.pid, 'SIGTERM'); // It takes its lock file away by itself.
      await Promise.race([group.ended, new Promise((resolve) => setTimeout(resolve, 2000))]);
      group.kill();
    },
  };
}

export const webkitEngines: Engine[] = [
  browserEngine({
    name: 'webkitgtk',
    processor: 'x86-64',
    note: 'with JSC_useSharedArrayBuffer=1',
    install: async (_folder, options) => {
      await needSystem(GTK, GTK_PACKAGES, options);
      await needSystem('Xvfb', GTK_PACKAGES, options);
    },
    version: async () => `WebKitGTK ${(await packageVersion('libwebkit2gtk-4.1-0')).split('-')[0]} (JavaScriptCore)`,
    around: startDisplay,
    command: (url) => ({
      command: GTK,
      args: [url],
      remedy: `apt-get install ${GTK_PACKAGES.join(' ')}`,
      env: {
        WEBKIT_DISABLE_COMPOSITING_MODE: '1',
        WEBKIT_DISABLE_DMABUF_RENDERER: '1',
        JSC_useSharedArrayBuffer: '1',
        GTK_USE_PORTAL: '0',
        NO_AT_BRIDGE: '1',
        LIBGL_ALWAYS_SOFTWARE: '1',
      },
    }),
  }),
  browserEngine({
    name: 'wpe',
    processor: 'x86-64',
    note: 'Safari 16.0: no SIMD, no shared memory',
    install: (_folder, options) => needSystem(WPE, WPE_PACKAGES, options),
    version: async () => `WPE WebKit ${(await packageVersion('libwpewebkit-1.1-0')).split('-')[0]} (JavaScriptCore)`,
    command: (url) => ({
      command: WPE,
      args: ['--headless', url],
      remedy: `apt-get install ${WPE_PACKAGES.join(' ')}`,
    }),
  }),
];
