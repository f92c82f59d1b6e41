import { formatHostPort, parseHostPort } from '../../packages/core/src/host-port.ts';
import { formatListener, parseListeners } from '../../packages/server/src/listeners.ts';
import { bytesOf, must, refusing, textOf } from './rules.mjs';

const SEEDS = ['127.0.0.1:7610', '[::1]:7610', 'qanat://a:1', 'host:65535', 'host:65536', 'qanat://[fe80::1%eth0]:7600/', ':1'];

export default {
  seeds: () => SEEDS.map(bytesOf),
  words: ['qanat://', 'ws://', 'lan=', ',', '[', ']', ':', '::', '65536', '%', '/', '\n', ' '].map(bytesOf),
  run(input) {
    const text = textOf(input);
    const parsed = refusing(['BAD_CONFIG'], () => parseHostPort(text, ['qanat']));
    if (parsed !== undefined) {
      must(Number.isInteger(parsed.port) && parsed.port >= 0 && parsed.port <= 65_535, 'port', parsed.port);
      must(parsed.host !== '' && !/[\s\]]/.test(parsed.host), 'a host that is empty, or has a blank or a bracket');
      const again = parseHostPort(formatHostPort(parsed), ['qanat']);
      must(again.host === parsed.host && again.port === parsed.port, 'formatting gives another address');
    }
    const listeners = refusing(['BAD_CONFIG'], () => parseListeners(text, ['qanat', 'ws']));
    if (listeners === undefined) return;
    const texts = listeners.map(formatListener);
    must(
      parseListeners(texts, ['qanat', 'ws']).map(formatListener).join() === texts.join(),
      'read again these are other listeners',
    );
  },
};
