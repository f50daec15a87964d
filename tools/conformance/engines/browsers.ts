// Chromium and Firefox, headless.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needSystem } from './debian.ts';
import { browserEngine } from './page.ts';
import { firstLine } from './program.ts';
import type { Engine } from './types.ts';

// As root, and in containers, Chromium's sandbox cannot start; the page is ours.
const CHROMIUM_FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-hang-monitor',
  '--disable-dev-shm-usage',
  '--disable-extensions',
  '--metrics-recording-only',
  '--no-default-browser-check',
  '--password-store=basic',
];

function chromium(name: string, flags: string[], note?: string, slow?: boolean): Engine {
  return browserEngine({
    name,
    processor: 'x86-64',
    note,
    slow,
    install: (_folder, options) => needSystem('chromium', ['chromium'], options),
    version: async () =>
      [await firstLine({ command: 'chromium', args: ['--version'] }, /Chromium [\d.]+/), ...flags].join(' '),
    command: (url, profile) => ({
      command: 'chromium',
      args: [...CHROMIUM_FLAGS, ...flags, `--user-data-dir=${profile}`, url],
      remedy: 'apt-get install chromium',
    }),
  });
}

export const chromiumEngines: Engine[] = [chromium('chromium', [])];
export const chromiumTiers: Engine[] = [
  chromium('chromium-jitless', ['--js-flags=--jitless'], 'interpreted, no WebAssembly', true),
];

// Hours of arithmetic in a page are no fault here.
const FIREFOX_PREFERENCES = {
  'dom.max_script_run_time': 0,
  'dom.max_chrome_script_run_time': 0,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'toolkit.telemetry.enabled': false,
  'app.update.enabled': false,
  'browser.aboutwelcome.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'browser.tabs.unloadOnLowMemory': false,
  'datareporting.policy.firstRunURL': '',
};

function firefox(
  name: string,
  preferences: Record<string, boolean | number | string>,
  note?: string,
  slow?: boolean,
): Engine {
  return browserEngine({
    name,
    processor: 'x86-64',
    note,
    slow,
    install: (_folder, options) => needSystem('firefox-esr', ['firefox-esr'], options),
    version: async () =>
      firstLine(
        { command: 'firefox-esr', args: ['--version'], env: { HOME: '/tmp', MOZ_HEADLESS: '1' } },
        /Firefox.*/,
      ).then((line) => line.replace(/^Mozilla /, '').replace(/^Firefox ([\d.]+)esr$/, 'Firefox ESR $1')),
    command: (url, profile) => {
      const lines = Object.entries({ ...FIREFOX_PREFERENCES, ...preferences }).map(
        ([key, value]) => `user_pref(${JSON.stringify(key)}, ${JSON.stringify(value)});`,
      );
      writeFileSync(join(profile, 'user.js'), `${lines.join('\n')}\n`);
      return {
        command: 'firefox-esr',
        args: ['--headless', '--no-remote', '--profile', profile, url],
        env: { MOZ_CRASHREPORTER_DISABLE: '1' },
        remedy: 'apt-get install firefox-esr',
      };
    },
  });
}

export const firefoxEngines: Engine[] = [firefox('firefox', {})];
export const firefoxTiers: Engine[] = [
  firefox(
    'firefox-baseline',
    { 'javascript.options.ion': false, 'javascript.options.wasm_optimizingjit': false },
    'baseline compilers only',
  ),
];
