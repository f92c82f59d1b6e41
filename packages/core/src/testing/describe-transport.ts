import { LIMITS } from '../wire/gen/registry.ts';
import { describeDialling, describeEnds } from './describe-transport-ends.ts';
import { describeTurns } from './describe-transport-turns.ts';
import { expect, expectBytes, expectEqual, QUIET_TURNS, type Runner } from './runner.ts';
import { shortFrame, type TransportTest as Test, TransportBench, type TransportHarness, testFrame } from './transport-bench.ts';

const MIB = 1_048_576;
/** More than any water mark and every buffer on the way of this machine together. */
const FLOOD_BYTES_MAX = 512 * MIB;

/**
 * The contract of the port `Transport`, as tests that every adapter runs.
 * @param setup makes what one test needs; it is ended after the test.
 */
export function describeTransport(name: string, runner: Runner, setup: () => Promise<TransportHarness> | TransportHarness): void {
  const test = (title: string, run: (bench: TransportBench) => Promise<void>): void =>
    runner.it(title, async () => {
      const harness = await setup();
      const bench = new TransportBench(harness);
      try {
        await bench.listen();
        await run(bench);
        await bench.end();
      } finally {
        await harness.end();
      }
    });

  runner.describe(`${name} keeps the contract of a transport`, () => {
    describeFrames(test);
    describeLimits(test);
    describeBackPressure(test);
    describeTurns(test);
    describeEnds(test);
    describeDialling(test);
  });
}

function describeFrames(test: Test): void {
  test('gives whole frames of every size, in order, both ways at once [QNT-INV-010, QNT-FRM-001]', async (bench) => {
    const { client, server } = await bench.pair();
    const sizes = [12, 13, 65_536, 12, MIB, 14, 4 * MIB, 12, 16_380, 16_384, 65_532];
    const frames = sizes.map((size, i) => testFrame(size, i));
    for (const side of [client, server]) {
      for (const frame of frames) side.send(frame);
      side.flush();
    }
    await bench.until(() => server.frames.length + client.frames.length === 2 * sizes.length, 'every frame is there');
    for (const side of [client, server]) frames.forEach((frame, i) => expectBytes(side.frames[i], frame, `frame ${i}`));
  });

  test('joins the parts of a frame, empty ones too, and leaves them as they were', async (bench) => {
    const { client, server } = await bench.pair();
    const frame = testFrame(200_000, 7);
    const parts = [0, 0, 1, 4, 4, 20, 20_000, 20_001, 90_000, 200_004].map((end, i, ends) => frame.slice(ends[i - 1] ?? 0, end));
    server.whenFrame = (given) => given.fill(0);
    client.send(...parts);
    client.send(shortFrame(8));
    client.flush();
    await bench.until(() => server.frames.length === 2, 'both frames are there');
    expectBytes(server.frames[0], frame, 'the frame of many parts');
    expectBytes(server.frames[1], shortFrame(8), 'the frame behind it');
    expectBytes(parts[8], frame.slice(20_001, 90_000), 'a part after the receiver wrote into its frame');
  });

  test('takes lent parts before send returns', async (bench) => {
    const { client, server } = await bench.pair();
    const sizes = [16, 40, 20_000, 300_000, 17, MIB, 16_384, 12];
    for (const side of [client, server]) {
      sizes.forEach((size, i) => {
        const frame = testFrame(size, i);
        if (i % 3 === 2) side.send(frame);
        else side.lend(frame.slice(0, 10), frame.slice(10, 10), frame.slice(10));
      });
      side.flush();
    }
    await bench.until(() => server.frames.length + client.frames.length === 2 * sizes.length, 'every frame is there');
    for (const side of [client, server])
      sizes.forEach((size, i) => expectBytes(side.frames[i], testFrame(size, i), `frame ${i}`));
  });

  test('gives thousands of small frames in order, and onFramesEnd after the last', async (bench) => {
    const { client, server } = await bench.pair();
    const count = 5_000;
    for (let i = 0; i < count; i++) {
      client.send(testFrame(12 + (i % 50), i));
      if (i % 700 === 0) client.flush();
    }
    client.flush();
    await bench.until(() => server.frames.length === count, 'every frame is there');
    await bench.turns(2);
    for (let i = 0; i < count; i++) expectBytes(server.frames[i], testFrame(12 + (i % 50), i), `frame ${i}`);
    expect(server.framesEnds > 0 && server.framesEnds < count, `onFramesEnd came ${server.framesEnds} times`);
  });

  test('carries frames that were sent before the connection was open', async (bench) => {
    const client = bench.dial();
    client.send(shortFrame(1));
    client.flush();
    client.send(shortFrame(2));
    client.flush();
    await bench.until(() => bench.accepted[0]?.frames.length === 2, 'both frames are there');
    expectBytes(bench.accepted[0]?.frames[1], shortFrame(2), 'the second frame');
    await bench.until(() => client.opens === 1, 'the connection opens');
  });

  test('carries what the accepting side sends at once, behind onOpen', async (bench) => {
    bench.whenAccepted = (recorder) => {
      recorder.connection.send([shortFrame(3)]);
      recorder.connection.flush();
    };
    const client = bench.dial();
    await bench.until(() => client.frames.length === 1, 'the frame is there');
    expectEqual(client.opens, 1, 'calls of onOpen');
  });

  test('carries an answer that is sent from within onFrame', async (bench) => {
    const { client, server } = await bench.pair();
    server.whenFrame = (frame) => {
      server.connection.send([frame], true);
      server.connection.flush();
    };
    for (let i = 0; i < 100; i++) client.send(shortFrame(i));
    client.flush();
    await bench.until(() => client.frames.length === 100, 'every answer is there');
    client.frames.forEach((frame, i) => expectBytes(frame, shortFrame(i), `answer ${i}`));
  });

  test('serves many connections', async (bench) => {
    const clients = Array.from({ length: 100 }, () => bench.dial());
    clients.forEach((client, i) => {
      client.send(shortFrame(i));
      client.flush();
    });
    await bench.until(() => bench.accepted.filter(({ frames }) => frames.length === 1).length === 100, 'every frame is there');
    for (const server of bench.accepted) {
      server.send(server.frames[0] as Uint8Array);
      server.flush();
    }
    await bench.until(() => clients.every(({ frames }) => frames.length === 1), 'every answer is there');
    clients.forEach((client, i) => expectBytes(client.frames[0], shortFrame(i), `answer of connection ${i}`));
  });
}

function describeLimits(test: Test): void {
  test('takes frames up to the limit before HELLO, and calls a longer one bad [QNT-FRM-002]', async (bench) => {
    const client = bench.dial();
    client.send(testFrame(LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX, 1));
    client.send(testFrame(LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX + 1, 2));
    client.send(shortFrame(3));
    client.flush();
    await bench.until(() => bench.accepted[0]?.badBytes.length === 1, 'the bad bytes are reported');
    const server = bench.accepted[0];
    expectEqual(server?.badBytes[0]?.code, 'FRAME_TOO_LARGE', 'code');
    await bench.turns(QUIET_TURNS);
    expectEqual(server?.frames.length, 1, 'frames taken');
  });

  test('still sends after bad bytes, and close delivers it', async (bench) => {
    const { client, server } = await bench.pair();
    client.send(testFrame(LIMITS.FRAME_BYTES_MAX + 1, 1));
    client.flush();
    await bench.until(() => server.badBytes.length === 1, 'the bad bytes are reported');
    server.send(shortFrame(9));
    server.close();
    await bench.until(() => client.closes.length === 1, 'the client hears the end');
    expectBytes(client.frames[0], shortFrame(9), 'the answer to bad bytes');
    expectEqual(client.closes[0], undefined, 'error of the close');
  });

  test('calls a length below the header malformed [QNT-INV-007]', async (bench) => {
    const { client, server } = await bench.pair();
    client.send(shortFrame(1));
    client.send(Uint8Array.of(0, 0, 0, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
    client.flush();
    await bench.until(() => server.badBytes.length === 1, 'the bad bytes are reported');
    expectEqual(server.badBytes[0]?.code, 'MALFORMED_FRAME', 'code');
    expectEqual(server.frames.length, 1, 'frames taken');
  });

  test('takes longer frames once the limit was raised, from within onFrame too', async (bench) => {
    const client = bench.dial();
    await bench.until(() => bench.accepted.length === 1, 'the connection is accepted');
    const server = bench.accepted[0];
    if (server === undefined) return;
    server.whenFrame = () => server.connection.setFrameBytesMax(LIMITS.FRAME_BYTES_MAX);
    client.send(shortFrame());
    client.send(testFrame(LIMITS.FRAME_BYTES_MAX, 5));
    client.flush();
    await bench.until(() => server.frames.length + server.badBytes.length === 2, 'the long frame is there');
    expectBytes(server.frames[1], testFrame(LIMITS.FRAME_BYTES_MAX, 5), 'the longest frame');
  });
}

function describeBackPressure(test: Test): void {
  test('holds the sender back while the peer does not read, and drains when it does [QNT-TCP-008]', async (bench) => {
    const { client, server } = await bench.pair();
    server.connection.setReading(false);
    const frame = testFrame(65_532, 1);
    let sent = 0;
    // The kernel's buffers take some: only when they stay full for a while is the sender truly held back.
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      let more = true;
      while (more) {
        more = client.send(frame);
        sent++;
        expect(sent * frame.length < FLOOD_BYTES_MAX, 'a sender is never held back');
      }
      const before = client.drains;
      await bench.turns(1);
      if (client.drains > before) quiet = 0;
      if (client.drains === before) await bench.turns(QUIET_TURNS);
      if (client.drains === before) break;
    }
    expect(server.frames.length < sent, 'frames came although the peer does not read');
    const drains = client.drains;
    server.connection.setReading(true);
    await bench.until(() => server.frames.length === sent, 'every frame is there');
    await bench.until(() => client.drains === drains + 1, 'onDrain came');
    expect(client.send(frame), 'send gives false after onDrain');
    client.flush();
    await bench.until(() => server.frames.length === sent + 1, 'the last frame is there');
  });

  test('calls onDrain for frames that were never flushed by hand', async (bench) => {
    const { client, server } = await bench.pair();
    expect(!client.send(testFrame(2 * MIB, 1)), 'send gives true past the high-water mark');
    await bench.until(() => client.drains === 1, 'onDrain came');
    await bench.until(() => server.frames.length === 1, 'the frame is there');
  });

  test('keeps what arrives while nobody reads [QNT-TCP-008]', async (bench) => {
    const { client, server } = await bench.pair();
    server.connection.setReading(false);
    server.connection.setReading(false);
    for (let i = 0; i < 10; i++) client.send(shortFrame(i));
    client.flush();
    await bench.turns(QUIET_TURNS);
    expectEqual(server.frames.length, 0, 'frames taken while reading was off');
    server.send(shortFrame(42));
    server.flush();
    await bench.until(() => client.frames.length === 1, 'the other way still works');
    server.connection.setReading(true);
    await bench.until(() => server.frames.length === 10, 'every frame is there');
  });
}
