// `npm run page` serves the page from the sources of the library; `vite build examples/browser` makes it ready for any
// server of files.

import { fileURLToPath } from 'node:url';
import { defaultClientConditions, defineConfig } from 'vite';

const root = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

// With these two headers a page is cross-origin isolated and may share memory between threads. Without them all works
// too, on one thread.
const isolated = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
// What the built page needs, and nothing of other hosts. ndarray makes its classes with the Function constructor, hence
// 'unsafe-eval'.
const policy =
  "default-src 'none'; script-src 'self' 'unsafe-eval'; worker-src 'self'; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'";

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  // In a project of one's own, where clip-oracle comes from npm, no alias is needed.
  resolve: {
    // The library's own `#host/…` imports, from its sources.
    conditions: ['clip-oracle-source', ...defaultClientConditions],
    alias: [
      { find: /^clip-oracle$/, replacement: root('src/browser/index.ts') },
      { find: /^clip-oracle\/ops$/, replacement: root('src/ops/index.ts') },
    ],
  },
  worker: { format: 'es' },
  build: { target: 'es2022' },
  server: { headers: isolated, fs: { allow: [root('')] } },
  preview: { headers: { ...isolated, 'Content-Security-Policy': policy } },
});
