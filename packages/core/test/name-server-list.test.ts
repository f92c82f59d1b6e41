import { parseNameServers, QanatError } from '@qanat/core';
import { describe, expect, it } from 'vitest';

const SCHEMES = ['qanat', 'qanats', 'ws', 'wss'];

describe('the addresses of NameServers', () => {
  it.each([
    ['a', ['a:7600']],
    ['a:1,b', ['a:1', 'b:7600']],
    ['qanat://a:1,b:2/', ['qanat://a:1', 'qanat://b:2']],
    ['qanats://a,b', ['qanats://a:7600', 'qanats://b:7600']],
    ['ws://a, wss://b:443', ['ws://a:7680', 'wss://b:443']],
    ['[::1]', ['[::1]:7600']],
    [
      ['qanats://a', 'b'],
      ['qanats://a:7600', 'b:7600'],
    ],
  ])('%j are %j', (text, addresses) => {
    expect(parseNameServers(text, SCHEMES)).toEqual(addresses);
  });

  it.each(['', ',', 'a,', 'http://a:1', 'a/b', '::1', 'a:99999', 'qanats://'])('%j are refused', (text) => {
    const read = (): unknown => parseNameServers(text, SCHEMES);
    expect(read).toThrow(QanatError);
    expect(read).toThrow(expect.objectContaining({ code: 'BAD_CONFIG', hint: expect.stringContaining('qanats://host:port') }));
  });

  it('are at least one', () => {
    expect(() => parseNameServers([], SCHEMES)).toThrow('no NameServer is named');
  });

  it('without a scheme have the port of the first that the client speaks', () => {
    expect(parseNameServers('a', ['ws'])).toEqual(['a:7680']);
    expect(() => parseNameServers('qanat://a', ['ws'])).toThrow('the scheme qanat is none of ws');
  });
});
