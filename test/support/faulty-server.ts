// A server for pages under test that also plays the servers that go wrong: whatever a path is mapped to, else files.

import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';

export type Answer = (response: ServerResponse) => void;

export interface FaultyServer {
  /** Without a slash at the end. */
  readonly url: string;
  /** Paths asked for, in order. */
  readonly asked: string[];
  close(): Promise<void>;
}

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

/**
 * @param folders prefix of the path -> folder of files, the longest prefix first
 * @param answers path -> what to answer
 */
export async function serveFaulty(
  folders: Record<string, string>,
  isolated: boolean,
  answers: Record<string, Answer> = {},
): Promise<FaultyServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url!, 'http://localhost').pathname));
    asked.push(path);
    if (isolated)
      response
        .setHeader('Cross-Origin-Opener-Policy', 'same-origin')
        .setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    response.setHeader('Cache-Control', 'no-store'); // what is not asked for again comes from Cache Storage
    if (Object.hasOwn(answers, path)) {
      answers[path](response);
      return;
    }
    const prefix = Object.keys(folders)
      .sort((a, b) => b.length - a.length)
      .find((start) => path.startsWith(start));
    const file = prefix === undefined ? null : join(folders[prefix], path.slice(prefix.length) || 'index.html');
    (file === null ? Promise.reject(new Error('no folder')) : readFile(file)).then(
      (bytes) =>
        response
          .writeHead(200, {
            'Content-Type': TYPES[extname(file!)] ?? 'application/octet-stream',
            'Content-Length': bytes.length,
          })
          .end(bytes),
      () => response.writeHead(404).end('there is no such file'),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  return {
    url: `http://localhost:${port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
