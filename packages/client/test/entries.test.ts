import * as forNode from '@qanat/client';
import { expect, it } from 'vitest';
import * as forBrowsers from '../src/browser.ts';

it('the entry for browsers has all that the one for Node has, but for what only Node can do', () => {
  const onlyNode = ['fileOffsetStore'];
  expect(Object.keys(forBrowsers).sort()).toEqual(
    Object.keys(forNode)
      .filter((name) => !onlyNode.includes(name))
      .sort(),
  );
});

it('the client for browsers refuses addresses of TCP, and says what to write', async () => {
  const refused = expect.objectContaining({ code: 'BAD_CONFIG', hint: expect.stringContaining('ws://host:port') });
  await expect(forBrowsers.connect('qanat://127.0.0.1:7600')).rejects.toThrow(refused);
});
