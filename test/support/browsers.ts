// Which browsers there are for the suites that need real ones.

import { existsSync } from 'node:fs';

export type BrowserName = 'chrome' | 'firefox';

const PLACES = {
  chrome: [
    process.env.CHROMIUM,
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  ],
  firefox: [
    process.env.FIREFOX,
    '/usr/bin/firefox-esr',
    '/usr/bin/firefox',
    '/Applications/Firefox.app/Contents/MacOS/firefox',
    'C:\\Program Files\\Mozilla Firefox\\firefox.exe',
  ],
};

/** The browser's program: by the environment variable CHROMIUM or FIREFOX, or in the usual places. */
export const findBrowser = (name: BrowserName): string | undefined =>
  PLACES[name].find((place) => place !== undefined && existsSync(place));
