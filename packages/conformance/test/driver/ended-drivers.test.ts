// Drivers of clients that come to an end in the middle of a program: the kit says so, and lets everything go.
import { expect, it } from 'vitest';
import { LineDriver } from '../../src/driver/line-driver.ts';
import { DriverSite } from '../../src/run/driver-site.ts';
import { runProgram } from '../../src/run/run-program.ts';

const HELLO = { protocol: 1, name: 'ends', version: '1', roles: ['producer'], abilities: [] };

/** A driver that answers everything with nothing, but for `send`, at which it does something else. */
const driverThat = (does: string): string => `node -e '
const say = (message) => console.log(JSON.stringify(message));
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, op } = JSON.parse(line);
  if (op === "hello") say({ id, ok: ${JSON.stringify(HELLO)} });
  else if (op === "producer.start") say({ id, ok: {} });
  else if (op === "send") { ${does} }
  else say({ id, error: { kind: "unsupported" } });
});'`;

it.each([
  ['dies', 'process.exit(3)', /the driver ended with 3/],
  ['says what is no JSON', 'console.log("Traceback")', /no JSON: "Traceback"/],
  ['answers what nobody asked', 'say({ id: 4711, ok: {} })', /answers call 4711, which is not open/],
])(
  'gives a program up at once when its driver %s',
  async (_, does, why) => {
    const driver = await LineDriver.open({ command: driverThat(does) });
    try {
      const steps = [{ op: 'start', client: 'p' }, { op: 'send' }, { op: 'pass', ms: 60_000 }];
      const run = await runProgram(new DriverSite({ role: 'producer', driver }), { family: '', role: 'producer', steps }, []);
      expect(run.harness).toMatch(why);
    } finally {
      await driver.close();
    }
  },
  30_000,
);

/** A driver of a broker that says hello, and answers what `answers` says; the rest never. */
const silentBut = (answers: string): string => `node -e '
const say = (message) => console.log(JSON.stringify(message));
const hello = { protocol: 1, name: "hangs", version: "1", roles: ["broker"], abilities: ["kill", "stop"] };
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, op } = JSON.parse(line);
  if (op === "hello") say({ id, ok: hello });
  ${answers}
});'`;

it.each([
  [
    'start',
    'else if (op !== "start") say({ id, error: { kind: "unsupported" } });',
    /the subject did not start: no answer within 50 ms/,
  ],
  [
    'kill',
    'else if (op === "start") say({ id, ok: { address: "127.0.0.1:1" } }); else if (op !== "kill") say({ id, error: { kind: "unsupported" } });',
    undefined,
  ],
])(
  'goes on when a driver never answers %s',
  async (_, answers, why) => {
    const driver = await LineDriver.open({ command: silentBut(answers) });
    try {
      const site = new DriverSite({ role: 'broker', driver, startMs: 50, letGoMs: 50 });
      const run = await runProgram(site, { family: '', role: 'broker', alone: true, steps: [] }, []);
      if (why === undefined) expect(run.harness).toBeUndefined();
      else expect(run.harness).toMatch(why);
    } finally {
      await driver.close();
    }
  },
  30_000,
);
