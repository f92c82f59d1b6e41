import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../src/index.ts';
import { FakeIo, qanat } from './fake-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'qanat-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

function configFile(text: string): string {
  const file = join(folder, `${++files}.yaml`);
  writeFileSync(file, text);
  return file;
}

describe('a configuration file', () => {
  it('sets what neither a flag nor the environment does', async () => {
    const file = configFile(
      '# a broker\nname: from-file\ndata: nowhere\nlog-level: error\nnameserver: [127.0.0.1:1, 127.0.0.1:2]\n',
    );
    const data = join(folder, 'data');
    const io = new FakeIo({ env: { QANAT_LISTEN: '127.0.0.1:0', QANAT_CONFIG: file } });
    const ended = run(['broker', '--data', data, '--json'], io);
    await io.stdout.has('\n');
    expect(io.objects).toEqual([expect.objectContaining({ name: 'from-file', data })]);
    io.signal('SIGTERM');
    expect(await ended).toBe(0);
  });

  it.each([
    ['nmae: a', ':1:1: there is no setting "nmae"'],
    ['nmae: a', 'settings of qanat broker: name, cluster, zone, listen'],
    ['name: a\nname: b', ':2:1: Map keys must be unique'],
    ['name: [a', ':1:9: '],
    ['name: {a: 1}', ':1:1: "name" needs a value'],
    ['name:\n  - [a]', ':1:1: "name" needs a value'],
    ['- name', ':1:1: settings are lines of name: value'],
    ['queues: many', ':1:1: queues is "many": A whole number of at least 1 is needed.'],
    ['state-mib: 0', ':1:1: state-mib is "0": A whole number of at least 1 is needed.'],
    ['state-queue-mib: 1.5', ':1:1: state-queue-mib is "1.5": A whole number of at least 1 is needed.'],
    ['flush: never', 'Allowed choices are sync, async'],
    ['create-topics: maybe', 'Write true or false.'],
    ['json: true', 'there is no setting "json"'],
    [`name: ${'a'.repeat(70_000)}`, '(CONFIG_BYTES_MAX)'],
  ])('%j is refused: %s', async (text, why) => {
    const { code, out, err } = await qanat(['broker', '--config', configFile(text)]);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(why);
  });

  it('names a command by all its words', async () => {
    const { err } = await qanat(['bridge', 'mqtt', '--config', configFile('nmae: a')]);
    expect(err).toContain('settings of qanat bridge mqtt: name, listen');
  });

  it('of a NameServer has no settings of clients', async () => {
    const { code, err } = await qanat(['nameserver', '--config', configFile('nameserver: a:1')]);
    expect(code).toBe(2);
    expect(err).toContain('there is no setting "nameserver"');
  });

  it('that is missing is named', async () => {
    const { code, err } = await qanat(['broker', '--config', join(folder, 'none.yaml')]);
    expect(code).toBe(2);
    expect(err).toContain('cannot read the configuration: ENOENT');
    expect(err).toContain(`it was looked for at ${join(folder, 'none.yaml')}`);
  });
});
