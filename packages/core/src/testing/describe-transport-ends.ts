import { QanatError } from '../errors.ts';
import { LIMITS } from '../wire/gen/registry.ts';
import { expect, expectBytes, expectEqual, QUIET_TURNS } from './runner.ts';
import { shortFrame, type TransportTest as Test, testFrame } from './transport-bench.ts';

const MIB = 1_048_576;
const aborted = new QanatError('ABORTED', 'the test drops the connection');

/** How connections end. */
export function describeEnds(test: Test): void {
  test('close delivers everything that was sent, and both sides hear a clean end [QNT-TCP-006]', async (bench) => {
    const { client, server } = await bench.pair();
    for (let i = 0; i < 8; i++) client.send(testFrame(MIB, i));
    client.close();
    client.close();
    await bench.until(() => server.closes.length + client.closes.length === 2, 'both sides hear the end');
    expectEqual(server.frames.length, 8, 'frames before the end');
    for (let i = 0; i < 8; i++) expectBytes(server.frames[i], testFrame(MIB, i), `frame ${i}`);
    expectEqual(server.closes[0], undefined, 'error of the peer');
    expectEqual(client.closes[0], undefined, 'error of the closing side');
  });

  test('close delivers what was sent to a peer that sends all the time [QNT-TCP-006]', async (bench) => {
    const { client, server } = await bench.pair();
    for (let i = 0; i < 20; i++) server.send(testFrame(MIB, i));
    server.flush();
    client.send(shortFrame(1));
    client.close();
    await bench.until(() => server.closes.length + client.closes.length === 2, 'both sides hear the end');
    expectBytes(server.frames[0], shortFrame(1), 'the last frame');
    expectEqual(server.closes[0], undefined, 'error of the peer');
    expectEqual(client.closes[0], undefined, 'error of the closing side');
  });

  test('close ends cleanly on a side that does not read, while the peer sends', async (bench) => {
    const { client, server } = await bench.pair();
    client.connection.setReading(false);
    for (let i = 0; i < 20; i++) server.send(testFrame(MIB, i));
    server.flush();
    await bench.turns(QUIET_TURNS);
    client.send(shortFrame(1));
    client.close();
    await bench.until(() => server.closes.length + client.closes.length === 2, 'both sides hear the end');
    expectBytes(server.frames[0], shortFrame(1), 'the last frame');
    expectEqual(server.closes[0], undefined, 'error of the peer');
    expectEqual(client.closes[0], undefined, 'error of the closing side');
  });

  test('both sides may close at once', async (bench) => {
    const { client, server } = await bench.pair();
    client.close();
    server.close();
    await bench.until(() => server.closes.length + client.closes.length === 2, 'both sides hear the end');
    expectEqual(client.closes[0] ?? server.closes[0], undefined, 'error');
  });

  test('abort drops what waits, tells its own side why and the peer that the connection was lost', async (bench) => {
    const { client, server } = await bench.pair();
    server.connection.setReading(false);
    for (let i = 0; i < 64; i++) client.send(testFrame(MIB, i));
    client.abort(aborted);
    client.abort(new QanatError('INTERNAL', 'a second abort does nothing'));
    client.close();
    expect(client.send(shortFrame()) === true, 'send after abort gives false');
    await bench.until(() => client.closes.length === 1, 'the aborting side hears the end');
    expectEqual(client.closes[0], aborted, 'error of the aborting side');
    server.connection.setReading(true);
    await bench.until(() => server.closes.length === 1, 'the peer hears the end');
    expect(server.frames.length < 64, 'every frame arrived in spite of the abort');
  });

  test('abort of a quiet connection is a lost connection for the peer', async (bench) => {
    const { client, server } = await bench.pair();
    server.abort(aborted);
    await bench.until(() => client.closes.length === 1, 'the peer hears the end');
    expectEqual(client.closes[0]?.code, 'CONNECTION_LOST', 'code');
  });

  test('gives nothing after an abort or a close from within onFrame', async (bench) => {
    for (const end of ['abort', 'close'] as const) {
      const { client, server } = await bench.pair();
      server.whenFrame = () => (end === 'abort' ? server.connection.abort(aborted) : server.connection.close());
      for (let i = 0; i < 10; i++) client.send(shortFrame(i));
      client.flush();
      await bench.until(() => server.closes.length === 1, `the end after ${end}`);
      await bench.turns(QUIET_TURNS);
      expectEqual(server.frames.length, 1, `frames taken with ${end} in the first`);
    }
  });

  test('ends only once, whatever is called after the end', async (bench) => {
    const { client, server } = await bench.pair();
    client.close();
    await bench.until(() => server.closes.length + client.closes.length === 2, 'both sides hear the end');
    for (const side of [client, server]) {
      side.send(shortFrame());
      side.flush();
      side.connection.setReading(false);
      side.connection.setReading(true);
      side.connection.setFrameBytesMax(LIMITS.FRAME_BYTES_MAX);
      side.close();
      side.abort(aborted);
    }
    await bench.turns(QUIET_TURNS);
  });
}

/** How connections and listeners begin. */
export function describeDialling(test: Test): void {
  test('says CONNECTION_FAILED where nobody listens, and never opens', async (bench) => {
    for (const address of [bench.harness.nobody, 'no address', 'gopher://127.0.0.1:7', '']) {
      const client = bench.dial(address);
      client.send(shortFrame());
      await bench.until(() => client.closes.length === 1, `the dialling of "${address}" ends`);
      expectEqual(client.closes[0]?.code, 'CONNECTION_FAILED', `code of "${address}"`);
      expectEqual(client.opens, 0, 'calls of onOpen');
    }
  });

  test('dials a URL of each of its schemes', async (bench) => {
    for (const scheme of bench.harness.dialling.schemes) {
      const client = bench.dial(`${scheme}://${bench.address}`);
      await bench.until(() => client.opens === 1, `${scheme}:// opens`);
    }
  });

  test('a dialling that is aborted at once hears its own error', async (bench) => {
    const client = bench.dial();
    client.abort(aborted);
    await bench.until(() => client.closes.length === 1, 'the end');
    expectEqual(client.closes[0], aborted, 'error');
    await bench.turns(QUIET_TURNS);
    expectEqual(client.opens, 0, 'calls of onOpen');
  });

  test('a dialling that is closed at once still delivers what was sent', async (bench) => {
    const client = bench.dial();
    client.send(shortFrame(4));
    client.close();
    await bench.until(() => client.closes.length === 1 && bench.accepted[0]?.closes.length === 1, 'both sides hear the end');
    expectBytes(bench.accepted[0]?.frames[0], shortFrame(4), 'the frame');
    expectEqual(client.closes[0], undefined, 'error');
  });

  test('an accepting side that drops the connection at once makes the dialling fail or end', async (bench) => {
    bench.whenAccepted = (recorder) => recorder.connection.abort(aborted);
    const client = bench.dial();
    await bench.until(() => client.closes.length === 1, 'the end');
    const code = client.closes[0]?.code;
    expect(code === 'CONNECTION_FAILED' || code === 'CONNECTION_LOST', `code: ${code}`);
  });

  test('refuses to listen twice at one address and where it cannot', async (bench) => {
    for (const address of [bench.address, 'no address']) {
      const second = await bench.listenAt(address);
      expectEqual(second.error?.code, 'BAD_CONFIG', `code for "${address}"`);
      expect(second.error?.message.includes(address), 'the message lacks the address');
      expectEqual(second.listener, undefined, 'listener');
    }
  });

  test('a closed listener takes nobody, keeps who is there and frees its address', async (bench) => {
    const { client, server } = await bench.pair();
    const address = bench.address;
    let closed = false;
    let returned = false;
    bench.listener.close(() => {
      expect(returned, 'done was called before close had returned');
      closed = true;
    });
    returned = true;
    await bench.until(() => closed, 'the listener is closed');
    const late = bench.dial(address);
    await bench.until(() => late.closes.length === 1, 'the late dialling ends');
    expectEqual(late.closes[0]?.code, 'CONNECTION_FAILED', 'code of the late dialling');
    client.send(shortFrame(1));
    client.flush();
    await bench.until(() => server.frames.length === 1, 'the old connection works');
    const again = await bench.listenAt(address);
    expectEqual(again.error, undefined, 'error of listening again');
    again.listener?.close(() => undefined);
  });
}
