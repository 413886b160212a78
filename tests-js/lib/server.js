// A real `ukai up` in a process of its own, with short clocks and a folder that goes with it.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { until } from './wait.js';

const BINARY = resolve(process.env.UKAI_BIN ?? join(import.meta.dirname, '../../target/debug/ukai'));
const KEY = 'uka_0123456789abcdef0123456789abcdef';

/** About a tenth of the real clocks; the grace is longer than the three seconds that a test's worker is away. */
export const CLOCKS = {
  UKAI_HEARTBEAT_INTERVAL_MS: '500',
  UKAI_HEARTBEAT_TIMEOUT_MS: '6000',
  UKAI_AWAY_GRACE_MS: '4500',
  UKAI_TASK_TIMEOUT_MS: '30000',
};

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

export class Server {
  /** Starts it and waits until it is ready. */
  static async start() {
    const server = new Server();
    server.folder = await mkdtemp(join(tmpdir(), 'ukai-js-'));
    server.url = `http://127.0.0.1:${await freePort()}`;
    const foreign = ([name]) => name.startsWith('UKAI_') || name === 'WORKER_AUTH_TOKEN' || name === 'FRONTEND_URL';
    const env = Object.fromEntries(Object.entries(process.env).filter((entry) => !foreign(entry)));
    server.log = '';
    server.child = spawn(
      BINARY,
      ['up', '--listen', server.url.slice('http://'.length), '--data-dir', join(server.folder, 'data')],
      { env: { ...env, ...CLOCKS, UKAI_ADMIN_KEY: KEY }, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    server.child.stderr.on('data', (text) => (server.log = (server.log + text).slice(-20_000)));
    server.child.on('error', (error) => (server.log += `${BINARY}: ${error.message}`));
    await until(
      'the server is ready',
      async () => {
        if (server.child.exitCode !== null) throw new Error(`the server ended:\n${server.log}`);
        return fetch(`${server.url}/readyz`).then((answer) => answer.ok, () => false);
      },
      30_000,
    ).catch((error) => Promise.reject(new Error(`${error.message}\n${server.log}`)));
    return server;
  }

  /** One request as an admin; fails on any status but the expected one. */
  async ask(method, path, body, expected = [200, 201, 204]) {
    const answer = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!expected.includes(answer.status)) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  }

  get(path) {
    return this.ask('GET', path);
  }

  /** Waits until the task has that status and gives it. */
  task(id, status, limit) {
    return until(
      `task ${id} is ${status}`,
      async () => {
        const task = await this.get(`/api/tasks/${id}`);
        return task.status === status && task;
      },
      limit,
    );
  }

  async stop() {
    const ended = new Promise((done) => this.child.once('exit', done));
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGTERM');
      const late = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(late);
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
