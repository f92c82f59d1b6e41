// Goal: a page keeps the promises of the product. A real browser, real processes, the page of the example.
import { connect, type QanatClient } from '@qanat/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Chromium, findChromium, type Page } from './chromium.ts';
import { Processes, passwordOf } from './processes.ts';

const chromium = findChromium();
const MESSAGES = 10_000;
const KEYS = 50;
/** For the slowest machine; nothing here takes as long on another one. */
const DEADLINE_MS = 40_000;

const processes = new Processes();
let browser: Chromium;
let client: QanatClient;

/** What came to a page: key, text, place. */
interface Seen {
  readonly key: string;
  readonly text: string;
  readonly queue: string;
  readonly offset: number;
}

const RECORD = `
  window.seen = [];
  window.stored = [];
  const text = new TextDecoder();
  document.addEventListener('qanat:message', ({ detail: { key, body, broker, queue, offset } }) =>
    seen.push({ key, text: text.decode(body), queue: broker + '/' + queue, offset }));
  document.addEventListener('qanat:stored', ({ detail: { message } }) => stored.push(message.body));
`;

/** A page that is connected and tails its topic. */
async function open(topic: string): Promise<Page> {
  const page = await browser.open(processes.pageUrl({ topic, group: `${topic}-readers` }));
  await page.evaluate(RECORD);
  await page.evaluate("document.querySelector('#connect').requestSubmit()");
  await page.until("!document.querySelector('#tail fieldset').disabled", DEADLINE_MS, STATE);
  await page.evaluate("document.querySelector('#tail').requestSubmit()");
  return page;
}

const fill = (fields: Readonly<Record<string, string | number>>): string =>
  Object.entries(fields)
    .map(([name, value]) => `document.querySelector('#send [name=${name}]').value = ${JSON.stringify(value)};`)
    .join('');

const SUBMIT = "document.querySelector('#send').requestSubmit();";
const STATE = "document.querySelector('#state').textContent";
const COUNTERS = "[...document.querySelectorAll('dd')].map(({ id, textContent }) => id + ' ' + textContent).join(', ')";
const count = (id: string): string => `Number(document.querySelector('#${id}').textContent)`;

/** Half of the messages, what happens while they are being sent, and the other half. */
async function sendOver(page: Page, happens: () => Promise<void>): Promise<void> {
  const half = fill({ text: 'message', key: 'customer', count: MESSAGES / 2, keys: KEYS, rate: 2_500 }) + SUBMIT;
  await page.evaluate(half);
  await page.until(`stored.length > ${MESSAGES / 10}`, DEADLINE_MS, COUNTERS);
  await happens();
  await page.evaluate(half);
  await page.until(`${count('acknowledged')} + ${count('failed')} === ${MESSAGES}`, DEADLINE_MS, COUNTERS);
}

/** Messages behind all others: what comes after the last of them was sent after it. */
async function sendMarkers(page: Page): Promise<void> {
  await page.evaluate(fill({ text: 'marker', count: KEYS, rate: 4_000 }) + SUBMIT);
  await page.until(
    `new Set(seen.filter(({ text }) => text.startsWith('marker')).map(({ key }) => key)).size === ${KEYS}`,
    DEADLINE_MS,
    COUNTERS,
  );
}

const seenBy = async (page: Page): Promise<readonly Seen[]> =>
  (await page.evaluate<readonly Seen[]>('seen')).filter(({ text }) => text.startsWith('message'));

/** Texts end with their number, which grows with each message of a key. */
function outOfOrder(seen: readonly Seen[]): readonly Seen[] {
  const last = new Map<string, number>();
  return seen.filter(({ key, text }) => {
    const number = Number(text.split(' ')[1]);
    const before = last.get(key) ?? -1;
    last.set(key, Math.max(before, number));
    return number <= before;
  });
}

describe.skipIf(chromium === undefined)('a page in a browser', { timeout: 2 * DEADLINE_MS }, () => {
  beforeAll(async () => {
    await processes.start();
    client = await connect(processes.nameServer);
    browser = new Chromium(chromium as string);
  }, DEADLINE_MS);

  afterAll(async () => {
    await browser?.close();
    await client?.close({ drain: false });
    await processes.stop();
  });

  it('gets 10,000 messages exactly once, in the order of each key, over a planned restart of a broker', async () => {
    const page = await open('planned');
    await sendOver(page, () => processes.restart('broker-a', 'SIGTERM'));
    expect(await page.evaluate(count('failed'))).toBe(0);
    await sendMarkers(page);
    const seen = await seenBy(page);
    expect(seen.length).toBe(MESSAGES);
    expect(new Set(seen.map(({ text }) => text)).size).toBe(MESSAGES);
    expect(new Set(seen.map(({ queue }) => queue.split('/')[0]))).toEqual(new Set(['broker-a', 'broker-b']));
    expect(await page.evaluate("document.querySelector('#events').textContent")).toMatch(/disconnected · broker-a.*/);
    expect(outOfOrder(seen)).toEqual([]);
    expect(await page.evaluate(count('again'))).toBe(0);
    expect(page.thrown).toEqual([]);
    await page.close();
  });

  it('shares the queues with a page that comes and goes: each message comes to one of them, once', async () => {
    const [stays, goes] = [await open('shared'), await open('shared')];
    await sendOver(stays, async () => {
      await goes.until('seen.length > 100', DEADLINE_MS, COUNTERS);
      await goes.evaluate("document.querySelector('#tail [name=stop]').click()");
      await goes.until("document.querySelector('#tail [name=stop]').disabled", DEADLINE_MS, COUNTERS);
    });
    await sendMarkers(stays);
    const seen = [...(await seenBy(goes)), ...(await seenBy(stays))];
    expect(seen.length).toBe(MESSAGES);
    expect(new Set(seen.map(({ text }) => text)).size).toBe(MESSAGES);
    for (const page of [stays, goes]) expect(outOfOrder(await seenBy(page))).toEqual([]);
    await Promise.all([stays.close(), goes.close()]);
  });

  it('misses nothing that was acknowledged when a broker is killed', async () => {
    const page = await open('killed');
    await sendOver(page, () => processes.restart('broker-b', 'SIGKILL'));
    await sendMarkers(page);
    const seen = new Set((await seenBy(page)).map(({ text }) => text));
    const stored = await page.evaluate<readonly string[]>("stored.filter((text) => text.startsWith('message'))");
    expect(stored.length).toBeGreaterThan(MESSAGES / 2);
    expect(stored.filter((text) => !seen.has(text))).toEqual([]);
    expect(page.thrown).toEqual([]);
    await page.close();
  });

  it('leaves its group when it is closed: what it has handled, and not committed yet, comes to nobody again', async () => {
    const page = await open('closed');
    await page.evaluate(fill({ text: 'message', count: 100, keys: KEYS, key: 'k' }) + SUBMIT);
    await page.until('seen.length === 100', DEADLINE_MS, COUNTERS);
    const group = 'closed-readers';
    const members = async () => (await client.admin.describeGroup(group)).members.length;
    expect(await members()).toBe(1);
    await page.close();
    const other = client.pushConsumer({ group, topics: 'closed' });
    const got = other[Symbol.asyncIterator]().next();
    await client.producer().send('closed', { body: 'for the next' });
    const { value } = await got;
    expect(new TextDecoder().decode(value.body)).toBe('for the next');
    await other.close({ drain: false });
  });

  it('goes on by itself after it was frozen and everything it was connected to has gone and come back', async () => {
    const page = await open('frozen');
    await page.evaluate(fill({ text: 'message', count: 100, keys: KEYS, key: 'k', rate: 4_000 }) + SUBMIT);
    await page.until('seen.length === 100', DEADLINE_MS, COUNTERS);
    await page.call('Page.setWebLifecycleState', { state: 'frozen' });
    await Promise.all(['nameserver', 'broker-a', 'broker-b'].map((name) => processes.restart(name, 'SIGKILL')));
    const producer = client.producer();
    const meanwhile = Array.from({ length: 100 }, (_, i) =>
      producer.send('frozen', { body: `meanwhile ${i}`, key: `k-${i % KEYS}` }),
    );
    await Promise.all(meanwhile);
    expect(await page.evaluate('seen.length')).toBe(100);
    await page.call('Page.setWebLifecycleState', { state: 'active' });
    await page.until('new Set(seen.map(({ text }) => text)).size === 200', DEADLINE_MS, COUNTERS);
    await page.evaluate(fill({ text: 'afterwards' }) + SUBMIT);
    await page.until('new Set(seen.map(({ text }) => text)).size === 300', DEADLINE_MS, COUNTERS);
    expect(await page.evaluate("document.querySelector('#state').textContent")).toBe(
      'connected to broker-a, broker-b, nameserver',
    );
    await page.close();
  });

  describe('at a cluster that asks who it is', () => {
    const logIn = (page: Page, password: string): Promise<void> =>
      page.evaluate(`document.getElementsByName('password')[0].value = ${JSON.stringify(password)};
        document.querySelector('#connect').requestSubmit()`);
    const files = (page: Page): Promise<string> =>
      page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name.split('/').at(-1)).join(' ')");

    beforeAll(() => processes.startSecured(), DEADLINE_MS);

    it.each([
      ['a secure context, where the browser derives its key', ''],
      ['another context, where JavaScript does', "Object.defineProperty(crypto, 'subtle', { value: undefined });"],
    ])('logs in from %s, and loads what it needs when it needs it', async (context, before) => {
      const topic = context.replaceAll(/\W+/g, '-');
      const fields = { topic, group: `${topic}-readers`, user: 'ann' };
      const page = await browser.open(processes.pageUrl(fields, 'secured-nameserver'));
      await page.evaluate(RECORD + before);
      expect(await files(page)).not.toMatch(/logins|browser-keys|administration|consumers|compressor/);
      await logIn(page, 'not this one');
      await page.until("document.querySelector('#state').textContent.startsWith('AUTH_FAILED')", DEADLINE_MS, STATE);
      await logIn(page, passwordOf('ann'));
      await page.until("!document.querySelector('#tail fieldset').disabled", DEADLINE_MS, STATE);
      await page.evaluate(fill({ text: 'message', count: 20, keys: 5, key: 'k' }) + SUBMIT);
      await page.until('stored.length === 20', DEADLINE_MS, COUNTERS);
      expect(await files(page)).toMatch(/logins/);
      expect(await files(page)).not.toMatch(/consumers|compressor/);
      await page.evaluate("document.querySelector('#tail').requestSubmit()");
      await page.until('seen.length === 20', DEADLINE_MS, COUNTERS);
      expect(await files(page)).toMatch(/consumers/);
      expect(page.thrown).toEqual([]);
      await page.close();
    });
  });

  it('shows what anybody sends as text, and runs nothing that is not its own', async () => {
    const page = await open('hostile');
    const body = '<img src=x onerror="document.title = 1"><script>document.title = 2</script>';
    await client.producer().send('hostile', { body, key: '<b>key</b>' });
    await page.until("document.querySelector('#messages').textContent.includes('onerror')", DEADLINE_MS, COUNTERS);
    expect(await page.evaluate("document.querySelector('#messages td:last-child').textContent")).toBe(body);
    expect(await page.evaluate("document.querySelectorAll('#messages img, #messages script, #messages b').length")).toBe(0);
    await page.evaluate(`new Promise((resolve) => {
      document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="document.title = 3">');
      document.querySelector('img').addEventListener('error', resolve);
    })`);
    await expect(page.evaluate("(0, eval)('1')")).rejects.toThrow('Content Security Policy');
    expect(await page.evaluate('document.title')).toBe('Qanat in a browser');
    await page.close();
  });
});
