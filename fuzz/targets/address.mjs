import { formatHostPort, parseHostPort } from '../../packages/core/src/host-port.ts';
import { splitAddress } from '../../packages/server/src/listen-address.ts';
import { bytesOf, must, refusing, textOf } from './rules.mjs';

const SEEDS = ['127.0.0.1:7610', '[::1]:7610', 'qanat://a:1', 'host:65535', 'host:65536', 'qanat://[fe80::1%eth0]:7600/', ':1'];

export default {
  seeds: () => SEEDS.map(bytesOf),
  words: ['qanat://', '[', ']', ':', '::', '65536', '%', '/', '\n', ' '].map(bytesOf),
  run(input) {
    const text = textOf(input);
    const parsed = refusing(['BAD_CONFIG'], () => parseHostPort(text, ['qanat']));
    if (parsed !== undefined) {
      must(Number.isInteger(parsed.port) && parsed.port >= 0 && parsed.port <= 65_535, 'port', parsed.port);
      must(parsed.host !== '' && !/[\s\]]/.test(parsed.host), 'a host that is empty, or has a blank or a bracket');
      const again = parseHostPort(formatHostPort(parsed), ['qanat']);
      must(again.host === parsed.host && again.port === parsed.port, 'formatting gives another address');
    }
    const split = refusing(['BAD_CONFIG'], () => splitAddress(text));
    if (split !== undefined) must(split.port <= 65_535 && split.host !== '', 'an address to listen at');
  },
};
