// The contract's hard life: a connection that is cut for a while, and one that never comes back in time.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Server } from '../lib/server.js';
import { until } from '../lib/wait.js';
import { PRODUCT, Worker } from '../lib/worker.js';

let server;
let workers = [];
const worker = async (name, options) => {
  const started = await Worker.start(server, name, options);
  workers.push(started);
  return started;
};

before(async () => (server = await Server.start()));
after(() => server?.stop());
afterEach(() => {
  workers.forEach((one) => one.stop());
  workers = [];
});

test('away for 3 s in the middle of a task: it completes after coming back, and nothing is run twice', async () => {
  const one = await worker('away', { reconnectionDelay: 3_000, reconnectionDelayMax: 3_000, randomizationFactor: 0 });
  const { id } = await server.ask('POST', '/api/tasks', { productUrl: 'https://www.shop.example/away' });
  await one.take(id);
  await server.task(id, 'running');
  const other = await worker('waits beside it');

  const left = Date.now();
  one.cut();
  await until('it is shown as gone', async () => !(await server.get(`/api/workers/${one.id}`)).connected);
  await one.heard('worker:registered', { count: 2, limit: 15_000 });
  assert.ok(Date.now() - left >= 2_900, 'it was away for three seconds');
  one.complete(id);

  const done = await server.task(id, 'completed');
  assert.equal(done.workerId, one.id);
  assert.equal(done.attemptNumber, 1);
  assert.deepEqual(done.result, PRODUCT);
  assert.deepEqual(done.runs.map((run) => run.outcome), ['completed']);
  assert.equal(one.assigned().length, 1, 'it was handed out once');
  assert.deepEqual(other.assigned(), [], 'nobody else got it');
});

test('gone for good: another worker gets the task as attempt 2, and the late result changes nothing', async () => {
  const lost = await worker('gone', { reconnection: false });
  const { id } = await server.ask('POST', '/api/tasks', { productUrl: 'https://www.shop.example/gone' });
  const first = await lost.take(id);
  assert.equal(first.attemptNumber, 1);
  await server.task(id, 'running');
  const other = await worker('takes over');
  lost.cut();

  const second = await other.take(id, { limit: 15_000 });
  assert.equal(second.attemptNumber, 2);
  await server.task(id, 'running');

  // It comes back when its task is another's, with a result that nobody waits for.
  const late = { ...PRODUCT, productTitle: 'Too late', price: 1 };
  lost.current = null;
  lost.connect();
  await lost.heard('worker:registered', { count: 2 });
  lost.complete(id, late);
  assert.equal((await lost.heard('error')).code, 'STALE_RUN');
  const meanwhile = await server.get(`/api/tasks/${id}`);
  assert.equal(meanwhile.status, 'running');
  assert.equal(meanwhile.workerId, other.id);
  assert.equal(meanwhile.result, null);

  other.complete(id);
  const done = await server.task(id, 'completed');
  assert.equal(done.workerId, other.id);
  assert.equal(done.attemptNumber, 2);
  assert.deepEqual(done.runs.map((run) => run.outcome), ['lost', 'completed']);

  lost.complete(id, late);
  await lost.heard('error', { count: 2 });
  const after = await server.get(`/api/tasks/${id}`);
  assert.deepEqual(after.result, PRODUCT);
  assert.deepEqual(after.runs, done.runs);

  // The one that was lost is welcome again.
  const next = await server.ask('POST', '/api/tasks', { productUrl: 'https://www.shop.example/next' });
  await until('one of them gets it', () => [lost, other].some((one) => one.assigned().some((task) => task.taskId === next.id)));
});

test('the balance holds after all of it', async () => {
  const queue = await server.get('/api/queue');
  const counts = queue.total;
  const ended = counts.completed + counts.failed + counts.cancelled + counts.purged;
  assert.equal(counts.submitted, counts.ready + counts.delayed + counts.leased + ended);
});
