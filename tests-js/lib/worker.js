// A worker written to the contract alone: token in the query, default transports, no acknowledgements, no `run`.

import { io } from 'socket.io-client';
import { until } from './wait.js';

export const PRODUCT = {
  productTitle: 'Guitar Patch Cables 6 Inch, 6 Pack',
  price: 23.99,
  currency: 'USD',
  originalPrice: 29.99,
  rating: 4.7,
  reviewCount: 3181,
  availability: 'In Stock',
  isAvailable: true,
  imageUrls: ['https://images.shop.example/1.jpg', 'https://images.shop.example/2.jpg'],
  asin: 'B07ZQ7XWVJ',
};

export class Worker {
  /** Registers a worker of that name and connects as it; `options` go to the official client. */
  static async start(server, name, options = {}) {
    const { id, token } = await server.ask('POST', '/api/workers', { name });
    const worker = new Worker(server, id, token, options);
    await worker.heard('worker:registered');
    return worker;
  }

  constructor(server, id, token, options = {}) {
    this.server = server;
    this.id = id;
    this.token = token;
    this.events = [];
    this.current = null;
    this.completed = 0;
    this.connect(options);
  }

  connect(options = {}) {
    this.socket = io(`${this.server.url}/workers`, { query: { token: this.token }, forceNew: true, ...options });
    this.socket.onAny((name, payload) => this.events.push({ name, payload, at: Date.now() }));
    this.socket.on('worker:registered', ({ config }) => {
      this.beat();
      clearInterval(this.timer);
      this.timer = setInterval(() => this.beat(), config.heartbeatInterval);
    });
  }

  /** The payload of the `count`-th event of that name that passes `which`. */
  async heard(name, { count = 1, which = () => true, limit = 10_000 } = {}) {
    return until(
      `event ${name} (heard: ${this.events.map((event) => event.name).join(', ')})`,
      () => this.events.filter((event) => event.name === name && which(event.payload))[count - 1]?.payload,
      limit,
    );
  }

  /** Waits for the task and reports its start. */
  async take(taskId, options = {}) {
    const task = await this.heard('task:assigned', { which: (payload) => payload.taskId === taskId, ...options });
    this.current = taskId;
    this.socket.emit('task:started', { taskId, startedAt: new Date().toISOString() });
    return task;
  }

  complete(taskId, result = PRODUCT) {
    this.current = null;
    this.completed += 1;
    this.socket.emit('task:completed', {
      taskId,
      completedAt: new Date().toISOString(),
      result,
      metrics: { scrapeDurationMs: 1840, pageLoadTimeMs: 920 },
    });
  }

  fail(taskId, type, message) {
    this.current = null;
    this.socket.emit('task:failed', {
      taskId,
      failedAt: new Date().toISOString(),
      error: { type, message, details: 'at page 1' },
      metrics: { attemptDurationMs: 512 },
    });
  }

  beat() {
    this.socket.emit('worker:heartbeat', {
      status: this.current ? 'busy' : 'idle',
      ...(this.current ? { currentTaskId: this.current } : {}),
      networkInfo: { externalIp: '192.0.2.7', ispName: 'Example Net', lastCheckedAt: new Date().toISOString() },
      stats: { tasksCompleted: this.completed, tasksFailed: 0, uptime: 1 },
    });
  }

  /** Assignments heard so far. */
  assigned() {
    return this.events.filter((event) => event.name === 'task:assigned').map((event) => event.payload);
  }

  /** Cuts the connection under the client's feet; it dials again by its own settings. */
  cut() {
    clearInterval(this.timer);
    this.socket.io.engine.close();
  }

  /** Leaves for good. */
  stop() {
    clearInterval(this.timer);
    this.socket.io.reconnection(false);
    this.socket.disconnect();
  }
}
