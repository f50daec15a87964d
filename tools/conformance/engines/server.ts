// The smallest server that a page of the conformance program needs: files of one folder, headers that make it
// cross-origin isolated, and POST /result.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { readFileSync } from 'node:fs';
import { extname, join, normalize, sep } from 'node:path';
import type { AddressInfo } from 'node:net';
import type { ResultLines } from './lines.ts';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.mjs': 'text/javascript',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};
// Without these two there is no SharedArrayBuffer in a page. https://web.dev/articles/coop-coep
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};
const LONGEST_RESULT = 16 * 1024 * 1024;

export interface PageServer {
  url: string;
  /** When the page has posted its RESULT or FAILED. */
  finished: Promise<void>;
  close(): Promise<void>;
}

/** Serves `folder` on 127.0.0.1 at a free port; what the page posts to /result goes to `lines`. */
export async function servePage(folder: string, lines: ResultLines): Promise<PageServer> {
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(ISOLATION)) response.setHeader(name, value);
    response.setHeader('Cache-Control', 'no-store');
    if (request.method === 'POST' && request.url === '/result') takeLines(request, response, lines, finish);
    else if (request.method === 'GET') sendFile(folder, request.url ?? '/', response);
    else response.writeHead(405).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    finished,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function takeLines(request: IncomingMessage, response: ServerResponse, lines: ResultLines, finish: () => void): void {
  const pieces: Buffer[] = [];
  let length = 0;
  request.on('data', (piece: Buffer) => {
    length += piece.length;
    if (length <= LONGEST_RESULT) pieces.push(piece);
  });
  request.on('end', () => {
    if (length > LONGEST_RESULT) {
      lines.line(`FAILED the page posted ${length} bytes, expected at most ${LONGEST_RESULT}`);
      response.writeHead(413).end();
    } else {
      for (const line of Buffer.concat(pieces).toString('utf8').split('\n')) lines.line(line);
      response.writeHead(204).end();
    }
    if (lines.finished) finish();
  });
}

function sendFile(folder: string, url: string, response: ServerResponse): void {
  let content: Buffer;
  let file: string;
  try {
    const path = normalize(decodeURIComponent(new URL(url, 'http://page').pathname)); // Of an absolute path, `normalize` leaves no "..".
    file = join(folder, path === sep ? 'index.html' : path);
    content = readFileSync(file);
  } catch {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(content);
}
