// Serves the page and the client on a free port of this machine, and prints where.
//   node examples/browser/main.mjs [--port N] [--client FOLDER] [--open]
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, client: { type: 'string' }, open: { type: 'boolean', default: false } },
});

const here = (path) => new URL(path, import.meta.url);
const CLIENT = values.client === undefined ? here('../../packages/client/dist/') : pathToFileURL(`${values.client}/`);
const FILES = {
  '/': [here('index.html'), 'text/html; charset=utf-8'],
  '/page.mjs': [here('page.mjs'), 'text/javascript'],
  '/style.css': [here('style.css'), 'text/css'],
};

/** The client is a file, and others that it loads when it needs them. */
function find(path) {
  const [, name] = /^\/qanat\/([\w-]+\.js)$/.exec(path) ?? [];
  return name === undefined ? (FILES[path] ?? []) : [new URL(name, CLIENT), 'text/javascript'];
}

const server = createServer(async ({ url }, response) => {
  const [file, type] = find(url.split('?')[0]);
  try {
    const content = await readFile(file);
    response
      .writeHead(200, { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
      .end(content);
  } catch {
    const hint = file === undefined ? '' : ': npm run build makes it';
    response.writeHead(404, { 'content-type': 'text/plain' }).end(`there is no ${url}${hint}\n`);
  }
});

server.listen(Number(values.port), '127.0.0.1', () => {
  const page = `http://127.0.0.1:${server.address().port}`;
  console.log(page);
  if (values.open) spawn(process.platform === 'darwin' ? 'open' : 'xdg-open', [page], { stdio: 'ignore' });
});
