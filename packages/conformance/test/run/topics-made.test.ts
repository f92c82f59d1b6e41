import { expect, it } from 'vitest';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import { runProgram } from '../../src/run/run-program.ts';
import { topicsMade } from '../../src/run/topics-made.ts';

it('names the topics that the subject made for the kit, and not those that were there or were refused', async () => {
  const create = (topic: string) => ({ op: 'request', frame: 'TOPIC_CREATE', header: { topic, queues: 1 } });
  const steps = [{ op: 'open' }, create('made'), create('made'), create('no name'), create('made-too')];
  const { events } = await runProgram(inProcessSite({ role: 'broker' }), { family: '', role: 'broker', steps }, []);
  expect(topicsMade(events)).toEqual(['made', 'made-too']);
});
