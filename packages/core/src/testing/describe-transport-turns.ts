import { QanatError } from '../errors.ts';
import { FRAMES_PER_TURN_MAX } from '../in-process/index.ts';
import { expect, expectBytes, expectEqual, QUIET_TURNS } from './runner.ts';
import { shortFrame, type TransportTest as Test, type TransportBench } from './transport-bench.ts';

/** So many of the shortest frames are less than the 64 KiB that a system gives at once. */
const CROWD = 4_000;

/** A pair whose client has sent a crowd of frames and flushed it. */
async function crowded(bench: TransportBench): Promise<Awaited<ReturnType<TransportBench['pair']>>> {
  const pair = await bench.pair();
  for (let i = 0; i < CROWD; i++) pair.client.send(shortFrame(i));
  pair.client.flush();
  return pair;
}

/** What many small frames that arrive at once do to others, and what becomes of them. */
export function describeTurns(test: Test): void {
  test('handles a frame of another connection between thousands of one [QNT-SEC-003]', async (bench) => {
    const other = await bench.pair();
    const { server } = await crowded(bench);
    let before = -1;
    other.server.whenFrame = () => {
      before = server.frames.length;
    };
    other.client.send(shortFrame(1));
    other.client.flush();
    await bench.until(() => before >= 0 && server.frames.length === CROWD, 'every frame is there');
    expect(before < CROWD, `the other connection waited for all ${before} frames`);
    server.frames.forEach((frame, i) => expectBytes(frame, shortFrame(i), `frame ${i}`));
    expect(server.framesEnds >= CROWD / FRAMES_PER_TURN_MAX, `onFramesEnd came ${server.framesEnds} times`);
  });

  test('gives every frame that waits for its turn before the end of the peer', async (bench) => {
    const { client, server } = await crowded(bench);
    client.close();
    await bench.until(() => server.closes.length + client.closes.length === 2, 'both sides hear the end');
    expectEqual(server.frames.length, CROWD, 'frames before the end');
    expectEqual(server.closes[0] ?? client.closes[0], undefined, 'error');
  });

  test('gives every frame that waits for its turn before bad bytes', async (bench) => {
    const { client, server } = await bench.pair();
    for (let i = 0; i < CROWD; i++) client.send(shortFrame(i));
    client.send(Uint8Array.of(0, 0, 0, 1, 0));
    client.close();
    await bench.until(() => server.badBytes.length === 1, 'the bad bytes are reported');
    expectEqual(server.frames.length, CROWD, 'frames before them');
    await bench.until(() => server.closes.length === 1, 'the end');
  });

  test('keeps frames that wait for their turn while nobody reads', async (bench) => {
    const { client, server } = await bench.pair();
    server.whenFrame = () => {
      if (server.frames.length === 300) server.connection.setReading(false);
    };
    for (let i = 0; i < CROWD; i++) client.send(shortFrame(i));
    client.flush();
    await bench.until(() => server.frames.length >= 300, 'reading is off');
    await bench.turns(QUIET_TURNS);
    expect(server.frames.length <= 2 * FRAMES_PER_TURN_MAX, `${server.frames.length} frames came`);
    server.connection.setReading(true);
    await bench.until(() => server.frames.length === CROWD, 'every frame is there');
  });

  test('gives no frame that waits for its turn after an abort or a close', async (bench) => {
    for (const end of ['abort', 'close'] as const) {
      const { client, server } = await crowded(bench);
      await bench.until(() => server.frames.length > 0, 'the first frames are there');
      const taken = server.frames.length;
      if (end === 'abort') server.abort(new QanatError('ABORTED', 'the test drops the connection'));
      else server.close();
      await bench.until(() => server.closes.length + client.closes.length === 2, `the end after ${end}`);
      await bench.turns(QUIET_TURNS);
      expect(taken < CROWD, `all ${taken} frames came in one turn`);
      expectEqual(server.frames.length, taken, `frames taken after ${end}`);
    }
  });
}
