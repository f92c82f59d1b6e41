import { readFileSync } from 'node:fs';
import * as core from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ReferenceServer } from '../../src/driver/reference-server.ts';
import { TcpGround } from '../../src/ground/tcp-ground.ts';
import { readTutorial } from '../tutorial.mjs';
import { Folder, run } from './terminal.ts';

const { files, commands } = readTutorial(readFileSync(new URL('../../README.md', import.meta.url), 'utf8'));
const folder = new Folder();
const before = process.cwd();
const server = new ReferenceServer({ role: 'nameserver', ground: new TcpGround(), platform: nodePlatform, engines: core });

/** The words of a command line, of which some are quoted. */
const wordsOf = (command: string): string[] =>
  [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '').slice(1);

beforeAll(async () => {
  const address = await new Promise((resolve) =>
    server.call('start', {}, (_, ok) => resolve((ok as { address: string }).address)),
  );
  for (const { name, content } of files) folder.file(name, content);
  // It stands for the NameServer of a reader: it can be killed, and tells where one listens.
  folder.file('nameserver.mjs', `console.log('${address}'); setInterval(() => {}, 1000);`);
  process.env.COMMAND = `${process.execPath} nameserver.mjs`;
  process.chdir(folder.path);
});
afterAll(async () => {
  process.chdir(before);
  await server.close();
  folder.remove();
});

it('the driver of the tutorial is as the doctor wants it', async () => {
  const [doctor] = commands;
  const { code, out } = await run(...wordsOf(doctor ?? ''));
  expect(out).toMatch(/nothing wrong was found\n$/);
  expect(out).toContain('ok    nameserver: it can kill\n');
  expect(code).toBe(0);
});

it('its second command runs, and writes what it names', async () => {
  const running = run(...wordsOf(commands[1] ?? ''));
  // The whole of it is tried by packages/conformance/test/tutorial.mjs.
  setImmediate(function interrupt() {
    if (process.listenerCount('SIGINT') > 0) process.emit('SIGINT');
    else setImmediate(interrupt);
  });
  const { code, out } = await running;
  expect([code, out]).toEqual([3, expect.stringContaining('INCOMPLETE')]);
  expect(readFileSync('report.html', 'utf8')).toContain('my-nameserver');
});
