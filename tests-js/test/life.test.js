// The contract's plain life: register, take tasks, complete, fail, be retried, be cancelled.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Server } from '../lib/server.js';
import { until } from '../lib/wait.js';
import { PRODUCT, Worker } from '../lib/worker.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
let server;
let workers = [];
const worker = async (name, options) => {
  const started = await Worker.start(server, name, options);
  workers.push(started);
  return started;
};
const submit = (path, extra = {}) =>
  server.ask('POST', '/api/tasks', { productUrl: `https://www.shop.example${path}`, ...extra });

before(async () => (server = await Server.start()));
after(() => server?.stop());
afterEach(() => {
  workers.forEach((one) => one.stop());
  workers = [];
});

test('registers with the token in the query and is seen until it leaves', async () => {
  const one = await worker('registers');
  const { workerId, serverTime, config } = await one.heard('worker:registered');
  assert.equal(workerId, one.id);
  assert.ok(!Number.isNaN(Date.parse(serverTime)));
  assert.deepEqual(config, { heartbeatInterval: 500, taskTimeout: 30_000 });
  await until('its heartbeat is shown', async () => {
    const shown = await server.get(`/api/workers/${one.id}`);
    return shown.connected && shown.status === 'idle' && shown.externalIp === '192.0.2.7';
  });
  one.stop();
  await until('it is shown as gone', async () => {
    const shown = await server.get(`/api/workers/${one.id}`);
    return !shown.connected && shown.status === 'disconnected';
  });
});

test('a wrong token is told so and never registered', async () => {
  const stranger = new Worker(server, null, 'ukw_wrong', { reconnection: false });
  workers.push(stranger);
  const error = await stranger.heard('error');
  assert.equal(error.code, 'AUTH_FAILED');
  assert.ok(error.message && !Number.isNaN(Date.parse(error.timestamp)));
  await until('it is disconnected', () => !stranger.socket.connected);
  assert.ok(!stranger.events.some((event) => event.name === 'worker:registered'));
});

test('gets a task with the contract’s fields and completes it', async () => {
  const one = await worker('completes');
  const { id } = await submit('/dp/B07ZQ7XWVJ', { priority: 80 });
  const task = await one.take(id);
  assert.equal(task.productUrl, 'https://www.shop.example/dp/B07ZQ7XWVJ');
  assert.equal(task.priority, 80);
  assert.equal(task.attemptNumber, 1);
  assert.match(task.taskId, UUID);
  assert.ok(!Number.isNaN(Date.parse(task.assignedAt)));
  await server.task(id, 'running');
  one.complete(id);
  const done = await server.task(id, 'completed');
  assert.deepEqual(done.result, PRODUCT);
  assert.equal(done.workerId, one.id);
  assert.equal(done.attemptNumber, 1);
  assert.equal(done.runs.length, 1);
  assert.equal(done.runs[0].outcome, 'completed');
});

test('higher priority comes first, one task at a time', async () => {
  const tasks = [];
  for (const priority of [10, 90, 50]) tasks.push(await submit(`/p/${priority}`, { priority }));
  const one = await worker('in order');
  for (const n of [1, 2, 0]) {
    await one.take(tasks[n].id);
    assert.equal(one.assigned().length, [1, 2, 0].indexOf(n) + 1);
    one.complete(tasks[n].id);
    await server.task(tasks[n].id, 'completed');
  }
});

test('a failure is tried again up to the third attempt, with its history', async () => {
  const one = await worker('fails');
  const { id } = await submit('/unreachable');
  for (const attempt of [1, 2, 3]) {
    const task = await one.heard('task:assigned', {
      which: (payload) => payload.taskId === id && payload.attemptNumber === attempt,
    });
    assert.equal(task.attemptNumber, attempt);
    one.socket.emit('task:started', { taskId: id, startedAt: new Date().toISOString() });
    one.fail(id, 'NETWORK', `no route, attempt ${attempt}`);
  }
  const failed = await server.task(id, 'failed');
  assert.equal(failed.attemptNumber, 3);
  assert.equal(failed.error.type, 'NETWORK');
  assert.equal(failed.error.message, 'no route, attempt 3');
  assert.deepEqual(failed.runs.map((run) => [run.run, run.outcome]), [[1, 'failed'], [2, 'failed'], [3, 'failed']]);
  assert.equal(one.assigned().length, 3);

  // An operator's retry starts the attempts again; the run goes on counting.
  await server.ask('POST', `/api/tasks/${id}/retry`);
  const again = await one.heard('task:assigned', { count: 4 });
  assert.equal(again.attemptNumber, 1);
  one.complete(id);
  assert.equal((await server.task(id, 'completed')).runs.length, 4);
});

test('a cancelled task is taken back, and its result counts no more', async () => {
  const one = await worker('is cancelled');
  const { id } = await submit('/cancelled');
  await one.take(id);
  await server.task(id, 'running');
  const cancelled = await server.ask('DELETE', `/api/tasks/${id}`);
  assert.equal(cancelled.status, 'cancelled');
  const told = await one.heard('task:cancelled');
  assert.equal(told.taskId, id);
  assert.equal(typeof told.reason, 'string');
  one.complete(id);
  assert.equal((await one.heard('error')).code, 'STALE_RUN');
  const after = await server.get(`/api/tasks/${id}`);
  assert.equal(after.status, 'cancelled');
  assert.equal(after.result, null);

  // The worker is free again.
  const next = await submit('/after-cancel');
  await one.take(next.id);
  one.complete(next.id);
  await server.task(next.id, 'completed');
});

test('a malformed report is refused by name and the connection lives on', async () => {
  const one = await worker('malformed');
  const { id } = await submit('/malformed');
  await one.take(id);
  one.socket.emit('task:completed', { taskId: id, completedAt: new Date().toISOString(), result: { price: 'cheap' } });
  const error = await one.heard('error');
  assert.equal(error.code, 'INVALID_PAYLOAD');
  assert.match(error.message, /task:completed/);
  assert.equal((await server.get(`/api/tasks/${id}`)).status, 'running');
  one.complete(id);
  await server.task(id, 'completed');
});
