import { connect as netConnect } from 'node:net';
import type { QanatError } from '@qanat/core';
import { Recorder, shortFrame } from '@qanat/core/testing';
import { tcpTransport } from '@qanat/transports/tcp';
import { webSocketTransport } from '@qanat/transports/websocket';
import { describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { acceptanceOf } from '../src/websocket/upgrade-request.ts';
import { Opcode } from '../src/websocket/wire-format.ts';
import { atEnd, closed, dial, listening, piece, raw, rawServer, requestText, upgraded, wait } from './websocket-peers.ts';

const ANSWER =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: qanat.v1\r\n\r\n';

/** The first line of the answer, and the body behind its headers. */
async function answerTo(port: number, text: string): Promise<{ status: string; body: string; how: string }> {
  const peer = raw(port, text);
  const how = await peer.ended;
  const [head = '', body = ''] = peer.received().toString().split('\r\n\r\n');
  return { status: head.split('\r\n')[0]?.replace('HTTP/1.1 ', '') ?? '', body, how };
}

describe('a listener of WebSocket', () => {
  it('agrees to qanat.v1, also among others, and to no extension [QNT-WSK-002, QNT-WSK-006]', async () => {
    const { port } = await listening();
    for (const changes of [
      {},
      { 'Sec-WebSocket-Protocol': 'mqtt, qanat.v1 ,qanat.v2' },
      { Connection: 'keep-alive, Upgrade', Upgrade: 'WebSocket' },
      { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' },
    ]) {
      const peer = raw(port, requestText(changes));
      await wait(() => expect(peer.received().toString()).toBe(ANSWER));
    }
  });

  it.each<[string, string, string, RegExp]>([
    ['no subprotocol', requestText({ 'Sec-WebSocket-Protocol': undefined }), '400 Bad Request', /qanat\.v1/],
    ['another subprotocol', requestText({ 'Sec-WebSocket-Protocol': 'qanat.v2, qanat.v10' }), '400 Bad Request', /qanat\.v1/],
    ['no key', requestText({ 'Sec-WebSocket-Key': undefined }), '400 Bad Request', /Key/],
    ['a key that is none', requestText({ 'Sec-WebSocket-Key': 'short==' }), '400 Bad Request', /Key/],
    ['another version of WebSocket', requestText({ 'Sec-WebSocket-Version': '8' }), '426 Upgrade Required', /version/],
    ['another upgrade', requestText({ Upgrade: 'h2c' }), '426 Upgrade Required', /WebSocket/],
    ['no upgrade', 'GET / HTTP/1.1\r\nHost: broker\r\n\r\n', '426 Upgrade Required', /WebSocket/],
    ['another method', requestText({ 'Content-Length': '0' }, 'POST / HTTP/1.1'), '426 Upgrade Required', /WebSocket/],
    ['another path', requestText({}, 'GET /metrics HTTP/1.1'), '404 Not Found', /path/],
    ['a query', requestText({}, 'GET /?a=1 HTTP/1.1'), '404 Not Found', /path/],
  ])('refuses %s with words for people, and ends [QNT-WSK-002, QNT-WSK-004]', async (_name, text, status, words) => {
    const { port, recorders } = await listening();
    const answer = await answerTo(port, text);
    expect(answer).toMatchObject({ status, body: expect.stringMatching(words), how: 'end' });
    const error = await closed(() => recorders[0]);
    expect(error?.code).toBe(
      status === '400 Bad Request' && !/Key/.test(words.source) ? 'UNSUPPORTED_VERSION' : 'MALFORMED_FRAME',
    );
    expect(recorders[0]?.frames).toEqual([]);
  });

  it('takes the origins that it was told, and who has none [QNT-WSK-005]', async () => {
    const page = 'https://app.example';
    const refused = (origin: string): Record<string, string> => ({ Origin: origin });
    for (const [origins, taken, others] of [
      [undefined, [], [page, 'null', 'http://localhost:5173']],
      [
        [page, 'http://localhost:5173'],
        [page, 'http://localhost:5173'],
        ['null', `${page}.evil.example`, 'HTTPS://app.example', `${page}:8443`],
      ],
      [['null'], ['null'], [page]],
      [
        ['http://localhost:*'],
        ['http://localhost', 'http://localhost:5173'],
        ['https://localhost:5173', 'http://localhost.evil.example', 'http://localhost:1.evil.example', 'null'],
      ],
      ['*', [page, 'null'], []],
    ] as const) {
      const { port, recorders } = await listening(origins === undefined ? {} : { origins });
      for (const changes of [{}, ...taken.map(refused)]) {
        const peer = raw(port, requestText(changes));
        await wait(() => expect(peer.received().toString()).toBe(ANSWER));
      }
      for (const origin of others) {
        const { status, body } = await answerTo(port, requestText(refused(origin)));
        expect(status, origin).toBe('403 Forbidden');
        expect(body).toContain(origin);
        const ended = recorders.at(-1);
        expect((await closed(() => ended))?.code).toBe('FORBIDDEN');
      }
    }
  });

  it.each<[string, string, string]>([
    ['what is no HTTP', '\u0016\u0003\u0001 a TLS hello', 'MALFORMED_FRAME'],
    ['the preface of a byte stream', '\u00abQNT\u0001\u0000\u0000\u0000', 'MALFORMED_FRAME'],
    ['a header without end', `GET / HTTP/1.1\r\nCookie: ${'x'.repeat(20_000)}`, 'MALFORMED_FRAME'],
  ])('drops %s at once (REQUEST_HEADER_BYTES_MAX)', async (_name, text, code) => {
    const { port, recorders } = await listening();
    await raw(port, text).ended;
    expect((await closed(() => recorders[0]))?.code).toBe(code);
  });

  it('gives the upgrade its time from the accepted connection on, and tells the owner of it then [QNT-WSK-007]', async () => {
    const { port, recorders } = await listening({ upgradeTimeoutMs: 60 });
    const peer = raw(port, requestText().slice(0, -2));
    await wait(() => expect(recorders).toHaveLength(1));
    expect((await closed(() => recorders[0]))?.code).toBe('HELLO_TIMEOUT');
    await peer.ended;
    expect(peer.received()).toHaveLength(0);
  });

  it('takes a probe that connects and leaves for a clean end', async () => {
    const { port, recorders } = await listening();
    raw(port, '').socket.end();
    expect(await closed(() => recorders[0])).toBeUndefined();
  });

  it('tells a peer that is refused why once its upgrade has come, and waits no longer than a second for it [QNT-CON-024]', async () => {
    const { port, recorders } = await listening({}, (recorder) => {
      recorder.send(shortFrame(7));
      recorder.close();
      recorder.send(shortFrame());
    });
    const peer = raw(port, requestText());
    const wanted = Buffer.concat([
      Buffer.from(ANSWER),
      piece(Opcode.BINARY, shortFrame(7), { mask: undefined }),
      Buffer.of(0x88, 2, 3, 0xe8),
    ]);
    await wait(() => expect(peer.received()).toEqual(wanted));
    peer.socket.write(piece(Opcode.CLOSE, Uint8Array.of(3, 0xe8)));
    expect(await peer.ended).toBe('end');
    expect(await closed(() => recorders[0])).toBeUndefined();
    const silent = raw(port, requestText().slice(0, -2));
    await silent.ended;
    expect(silent.received()).toHaveLength(0);
    expect(await closed(() => recorders[1])).toBeUndefined();
  });

  it('reads frames that came together with the request', async () => {
    const { port, recorders } = await listening();
    raw(port, Buffer.concat([Buffer.from(requestText()), piece(Opcode.BINARY, shortFrame(5))]));
    await wait(() => expect(recorders[0]?.frames).toHaveLength(1));
  });

  it('names the address and what to do when it is in use', async () => {
    const { address } = await listening();
    const error = await new Promise<QanatError | undefined>((resolve) => {
      webSocketTransport().listen(address, () => new Recorder(), resolve);
    });
    expect(error?.code).toBe('BAD_CONFIG');
    expect(error?.hint).toContain('choose another port');
  });
});

describe('dialling over WebSocket', () => {
  it('asks at / for qanat.v1, with a key that nobody can foresee, and for nothing else [QNT-WSK-001]', async () => {
    const requests: string[] = [];
    const address = await rawServer((socket) => void socket.on('data', (chunk) => requests.push(chunk.toString())));
    dial(address);
    dial(address);
    await wait(() => expect(requests).toHaveLength(2));
    const [first = '', second = ''] = requests;
    const key = /sec-websocket-key: ([^\r]+)/i;
    expect(first.split('\r\n').toSorted()).toEqual(
      [
        ...['', ''],
        ...['GET / HTTP/1.1', `Host: ${address}`, 'Connection: Upgrade', 'Upgrade: websocket'],
        ...['Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${key.exec(first)?.[1]}`, 'Sec-WebSocket-Protocol: qanat.v1'],
      ].toSorted(),
    );
    expect(key.exec(first)?.[1]).not.toBe(key.exec(second)?.[1]);
  });

  it('is refused where the server agrees to no qanat.v1, and sends no frame [QNT-WSK-003]', async () => {
    for (const protocol of ['', 'Sec-WebSocket-Protocol: qanat.v2\r\n']) {
      const received: Buffer[] = [];
      const address = await rawServer((socket) => {
        socket.on('data', (chunk) => {
          received.push(chunk);
          const key = /sec-websocket-key: ([^\r]+)/i.exec(chunk.toString())?.[1] ?? '';
          const accept = `Sec-WebSocket-Accept: ${acceptanceOf(key)}\r\n`;
          socket.write(
            `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${accept}${protocol}\r\n`,
          );
        });
      });
      const client = dial(address);
      client.send(shortFrame());
      client.flush();
      expect((await closed(() => client))?.code).toBe('UNSUPPORTED_VERSION');
      expect(client.opens).toBe(0);
      expect(received).toHaveLength(1);
    }
  });

  const upgrade = (...lines: readonly string[]): string =>
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

  it.each<[string, string, RegExp, RegExp]>([
    ['403', 'HTTP/1.1 403 Forbidden\r\n\r\n', /403 Forbidden/, /--ws-origin/],
    ['426', 'HTTP/1.1 426 Upgrade Required\r\n\r\n', /426/, /qanat\.v1/],
    ['404', 'HTTP/1.1 404 Not Found\r\n\r\n', /404/, /qanat\.v1/],
    ['200', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', /200 OK/, /something else/],
    ['302', 'HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n', /302/, /something else/],
    ['an upgrade to something else', upgrade('Upgrade: h2c'), /no WebSocket server/, /./],
    ['another key', upgrade('Upgrade: websocket', 'Sec-WebSocket-Accept: AAAA'), /no WebSocket server/, /./],
    ['what is no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n', /HPE_/, /qanat:\/\//],
    ['an answer without end (ANSWER_HEADER_BYTES_MAX)', `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(10_000)}`, /HPE_/, /./],
  ])('says CONNECTION_FAILED with a hint for %s', async (_name, answer, words, hint) => {
    const address = await rawServer((socket) => void socket.once('data', () => socket.write(answer)));
    const client = dial(address);
    const error = await closed(() => client);
    expect(error).toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringMatching(words),
      hint: expect.stringMatching(hint),
    });
    expect(error?.message).toContain(address);
    expect(client.opens).toBe(0);
  });

  it('asks whether a port is one of TCP that hangs up', async () => {
    const address = await new Promise<string>((resolve, reject) => {
      tcpTransport().listen(
        '127.0.0.1:0',
        () => new Recorder(),
        (error, listener) => {
          if (listener === undefined) return reject(error);
          atEnd(() => listener.close(() => undefined));
          resolve(listener.address);
        },
      );
    });
    const client = dial(address);
    expect(await closed(() => client)).toMatchObject({ code: 'CONNECTION_FAILED', hint: expect.stringContaining('qanat://') });
  });

  it('is told by TCP, too, that a port of WebSocket is none of its own', async () => {
    const { address } = await listening();
    const client = dial(address, tcpTransport());
    const error = await closed(() => client);
    expect(['CONNECTION_LOST', 'CONNECTION_FAILED', 'MALFORMED_FRAME']).toContain(error?.code);
  });

  it('ends in time where a server is silent, slow or hung', async () => {
    const servers = {
      silent: () => undefined,
      slow: (socket: { write(text: string): void }) => socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: webs'),
    };
    for (const onSocket of Object.values(servers)) {
      const address = await rawServer(onSocket);
      const client = dial(address, webSocketTransport({ connectTimeoutMs: 40 }));
      const error = await closed(() => client);
      expect(error).toMatchObject({ code: 'CONNECTION_FAILED', message: `cannot connect to ${address}: no answer within 40 ms` });
    }
  });

  it('gives what a server sends together with its answer', async () => {
    const { port, recorders } = await listening({}, (recorder) => {
      recorder.send(shortFrame(4));
      recorder.flush();
    });
    const client = dial(`127.0.0.1:${port}`);
    await wait(() => expect(client.frames).toHaveLength(1));
    expect(recorders).toHaveLength(1);
  });
});

describe('both sides of WebSocket and the library ws', () => {
  it('understand each other: a client of the library, a listener of ours', async () => {
    const { address, recorders } = await listening();
    const client = new WebSocket(`ws://${address}`, 'qanat.v1');
    atEnd(() => client.terminate());
    const messages: Buffer[] = [];
    const closes: number[] = [];
    client.on('message', (data: Buffer) => messages.push(data));
    client.on('close', (code) => closes.push(code));
    await wait(() => expect(client.readyState).toBe(WebSocket.OPEN));
    client.send(shortFrame(1));
    client.send(shortFrame(2).slice(0, 7), { fin: false });
    client.send(shortFrame(2).slice(7), { fin: true });
    await wait(() => expect(recorders[0]?.frames).toHaveLength(2));
    recorders[0]?.send(shortFrame(3));
    recorders[0]?.send(shortFrame(4));
    recorders[0]?.flush();
    await wait(() => expect(messages).toEqual([Buffer.concat([shortFrame(3), shortFrame(4)])]));
    const ponged = new Promise<Buffer>((resolve) => void client.once('pong', resolve));
    client.ping('are you there?');
    expect((await ponged).toString()).toBe('are you there?');
    client.close(1001, 'leaving');
    expect(await closed(() => recorders[0])).toBeUndefined();
    await wait(() => expect(closes).toEqual([1001]));
  });

  it('understand each other: a listener of the library, a client of ours', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    atEnd(() => server.close());
    await wait(() => expect(server.address()).not.toBeNull());
    const { port } = server.address() as { port: number };
    const received: Buffer[] = [];
    const closes: number[] = [];
    server.on('connection', (peer) => {
      peer.on('message', (data: Buffer, binary) => {
        expect(binary).toBe(true);
        received.push(data);
        peer.send(data);
      });
      peer.on('close', (code) => closes.push(code));
      peer.ping('hello');
      peer.on('pong', (data) => received.push(data));
    });
    const client = dial(`ws://127.0.0.1:${port}`);
    client.send(shortFrame(1));
    client.send(new Uint8Array([...shortFrame(2)]));
    client.flush();
    await wait(() => expect(client.frames).toHaveLength(2));
    expect(received.map((one) => one.length).toSorted((a, b) => a - b)).toEqual([5, 32]);
    client.close();
    expect(await closed(() => client)).toBeUndefined();
    expect(closes).toEqual([1000]);
  });
});

describe('a listener under a crowd of sockets', () => {
  it('takes one that asks while others say nothing', async () => {
    const { port, recorders } = await listening();
    const silent = Array.from({ length: 50 }, () => netConnect(port, '127.0.0.1'));
    for (const socket of silent) atEnd(() => socket.destroy());
    await wait(() => expect(recorders).toHaveLength(50));
    await upgraded(port);
    expect(recorders).toHaveLength(51);
  });
});
