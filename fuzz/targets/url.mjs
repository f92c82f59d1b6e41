import { parseNameServers } from '../../packages/core/src/name-server-list.ts';
import { bytesOf, must, refusing, textOf } from './rules.mjs';

const SCHEMES = ['qanat', 'qanats'];
const SEEDS = [
  'qanat://a:7600,b:7600',
  'a,qanats://b',
  'a:1,b',
  'qanat://a/',
  '[::1]:7600',
  '',
  ',',
  'http://a',
  'a:99999',
  '[::1]',
];

export default {
  seeds: () => SEEDS.map(bytesOf),
  words: ['qanat://', 'qanats://', ',', ':7600', '[::1]', '/', ' '].map(bytesOf),
  run(input) {
    const text = textOf(input);
    const servers = refusing(['BAD_CONFIG'], () => parseNameServers(text, SCHEMES));
    if (servers === undefined) return;
    must(servers.length >= 1, 'no server');
    for (const server of servers) must(/:\d+$/.test(server), 'no port in', server);
    const again = parseNameServers(servers.join(','), SCHEMES);
    must(again.join() === servers.join(), 'joined and read again it is another list');
  },
};
