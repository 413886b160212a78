// The main job through a running docker-compose.yml: many tasks, many workers, the leader and a gateway killed midway,
// then one page by the worker with the real browser. Everything goes through the one origin; what is found is printed as
// one JSON document. Called by run.sh, which says where everything is.
import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const { origin, key, docker, project, compose, ukai, folder, tasks, workers } = JSON.parse(process.argv[2]);
const secondsLeft = () => Number(process.env.DEADLINE) - Date.now() / 1000;
const say = (text) => process.stderr.write(`    ${text}\n`);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function until(what, limit, look) {
  const end = Date.now() + 1000 * Math.min(limit, secondsLeft());
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${limit} s`);
    await pause(100);
  }
}

// --- the server, as any client sees it -------------------------------------------------------------------------------

// A post is repeated under its idempotency key until it is answered for good: that is what the key is for.
async function ask(method, path, body) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  if (method === "POST") headers["idempotency-key"] = randomUUID();
  let last;
  for (const end = Date.now() + 60_000; Date.now() < end; await pause(200)) {
    try {
      const answer = await fetch(origin + path, { method, headers, body: body && JSON.stringify(body) });
      const text = await answer.text();
      if (answer.ok) return text ? JSON.parse(text) : null;
      last = `${answer.status} ${text.slice(0, 300)}`;
      if (answer.status < 500 && answer.status !== 429) break;
    } catch (error) {
      last = String(error.cause ?? error);
    }
  }
  throw new Error(`${method} ${path}: ${last}`);
}

// --- containers ------------------------------------------------------------------------------------------------------

const run = (...args) => execFileSync(docker, args, { encoding: "utf8", timeout: 60_000, stdio: ["ignore", "pipe", "pipe"] });
const composed = (...args) => execFileSync(compose[0], [...compose.slice(1), ...args], { encoding: "utf8", timeout: 120_000, stdio: ["ignore", "pipe", "pipe"] });

function containers(service) {
  const filters = [`label=com.docker.compose.project=${project}`, `label=com.docker.compose.service=${service}`];
  return run("ps", "-q", ...filters.flatMap((filter) => ["--filter", filter])).split("\n").filter(Boolean);
}

const nameOf = (id) => run("inspect", "--format", "{{.Name}}", id).trim().slice(1);
const health = (id) => run("inspect", "--format", "{{.State.Health.Status}}", id).trim();

function metric(id, name) {
  try {
    const text = run("exec", id, "curl", "--silent", "--max-time", "2", "http://127.0.0.1:9464/metrics");
    const lines = text.split("\n").filter((line) => line.startsWith(name) && /[ {]/.test(line[name.length]));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").pop()), 0);
  } catch {
    return 0; // A container that has just been killed tells nothing.
  }
}

const leaders = () => containers("scheduler").filter((id) => metric(id, "ukai_scheduler_leading") === 1);
const leader = () => until("a leader", 30, () => leaders()[0]);

function sql(query) {
  const [id] = containers("postgres");
  return run("exec", id, "psql", "-U", "postgres", "-d", "ukai", "-At", "-v", "ON_ERROR_STOP=1", "-c", query).trim();
}

// --- workers without a browser, in processes of their own ------------------------------------------------------------

class Fleet {
  accepted = 0;
  times = []; // [microseconds of Unix time, results accepted until then]
  #news = [];
  #wake = () => {};

  constructor(n, tokens) {
    this.n = n;
    this.tokens = tokens;
    this.child = spawn(ukai, ["bench-workers"], { stdio: ["pipe", "pipe", "inherit"], env: { PATH: process.env.PATH } });
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      const news = JSON.parse(line);
      if (news.is === "progress") {
        this.accepted = news.accepted;
        this.times.push([news.at, news.accepted]);
      } else {
        this.#news.push(news);
        this.#wake();
      }
    });
  }

  async order(order) {
    this.child.stdin.write(`${JSON.stringify(order)}\n`);
    while (this.#news.length === 0) await new Promise((wake) => (this.#wake = wake));
    const news = this.#news.shift();
    if (news.is === "failed") throw new Error(news.why);
    return news;
  }

  connect() {
    return this.order({ do: "connect", url: origin, tokens: this.tokens });
  }

  async stop() {
    await this.order({ do: "drain" });
    const file = `${folder}/accepted-${this.n}`;
    const written = await this.order({ do: "write", file });
    this.child.stdin.end();
    return { ...written, ids: readFileSync(file, "utf8").split("\n").filter(Boolean) };
  }
}

// --- the main job ----------------------------------------------------------------------------------------------------

async function submit() {
  const ids = [];
  for (let at = 0; at < tasks; at += 1000) {
    const batch = Array.from({ length: Math.min(1000, tasks - at) }, (_, n) => ({
      productUrl: `https://shop${(at + n) % 50}.example/item/${at + n}`,
    }));
    const made = await ask("POST", "/api/tasks/batch", { tasks: batch });
    ids.push(...made.items.map((item) => item.id));
  }
  return ids;
}

async function kill(what, id, fleets) {
  const name = nameOf(id);
  const before = Date.now();
  run("kill", "--signal", "KILL", id);
  const killed = Date.now();
  // Answers that were under way when the process died come in at once; a later one is of somebody who took over.
  const after = 1000 * (killed + 250);
  const again = await until(`results after ${name} was killed`, 60, () =>
    fleets.flatMap((fleet) => fleet.times).map(([at]) => at).filter((at) => at > after).sort((a, b) => a - b)[0]);
  const seconds = (again / 1000 - before) / 1000;
  say(`${what} ${name} killed; the next result was accepted ${seconds.toFixed(1)} s later`);
  return { what, name, at: new Date(before).toISOString(), seconds };
}

async function mainJob() {
  const tokens = [];
  for (let n = 0; n < workers; n++) tokens.push((await ask("POST", "/api/workers", { name: `simulated-${n}` })).token);
  const fleets = [0, 1].map((half) => new Fleet(half, tokens.filter((_, n) => n % 2 === half)));
  await Promise.all(fleets.map((fleet) => fleet.connect()));
  const spread = containers("gateway").map((id) => [nameOf(id), metric(id, "ukai_gateway_sessions")]);
  say(`${workers} workers connected: ${spread.map(([name, count]) => `${count} at ${name}`).join(", ")}`);

  const done = () => fleets.reduce((sum, fleet) => sum + fleet.accepted, 0);
  const begun = Date.now();
  const submitted = submit();
  submitted.catch(() => {}); // Awaited below: until then a failure is no unhandled one.
  await until("a third of the tasks", 240, () => done() >= tasks / 3);
  const oldLeader = await leader();
  const kills = [await kill("leader", oldLeader, fleets)];
  const newLeader = await leader();
  kills[0].successor = nameOf(newLeader);
  await until("half of the tasks", 240, () => done() >= tasks / 2);
  const gateway = containers("gateway")[0];
  kills.push(await kill("gateway", gateway, fleets));
  const ids = await submitted;
  await until("all tasks", 240, async () => {
    const total = (await ask("GET", "/api/queue")).total;
    return total.completed === tasks;
  });
  const seconds = (Date.now() - begun) / 1000;
  say(`${tasks} tasks done in ${seconds.toFixed(1)} s`);
  // Who was killed comes back and is taken in again, the scheduler as a standby.
  run("start", oldLeader, gateway);
  await until("the killed containers' health", 60, () => [oldLeader, gateway].every((id) => health(id) === "healthy"));
  const back = leaders();
  const ends = await Promise.all(fleets.map((fleet) => fleet.stop()));

  const accepted = ends.flatMap((end) => end.ids);
  const queue = (await ask("GET", "/api/queue")).total;
  const counts = {
    submitted: queue.submitted,
    completed: queue.completed,
    open: queue.ready + queue.delayed + queue.leased,
    failed: queue.failed + queue.cancelled + queue.purged,
    accepted: accepted.length,
    duplicates: ends.reduce((sum, end) => sum + end.duplicates, 0),
    refused: ends.reduce((sum, end) => sum + end.refused, 0),
    tasksWithAResult: Number(sql("SELECT count(*) FROM ukai.task_done WHERE status = 'completed'")),
    tasksWithTwoResults: Number(sql(
      "SELECT count(*) FROM (SELECT task FROM ukai.run WHERE outcome = 'completed' GROUP BY task HAVING count(*) > 1) twice")),
    runs: Number(sql("SELECT count(*) FROM ukai.run")),
  };
  const wrong = [];
  const must = (holds, what) => holds || wrong.push(what);
  must(new Set(ids).size === tasks, `${new Set(ids).size} different ids for ${tasks} tasks`);
  must(counts.submitted === tasks && counts.completed === tasks, "the balance counts other tasks than were submitted");
  must(counts.open === 0 && counts.failed === 0, "tasks are left over");
  must(new Set(accepted).size === accepted.length, "a worker was told twice that the same task's result counts");
  must(accepted.length + counts.duplicates >= tasks, "a task's result was acknowledged to nobody");
  must(counts.tasksWithAResult === tasks, "the database holds another number of results");
  must(counts.tasksWithTwoResults === 0, "a task has two results");
  must(kills.every((kill) => kill.seconds <= 10), "dispatch took longer than 10 s to go on");
  must(back.length === 1 && back[0] === newLeader, "the scheduler that came back did not stand by");
  return { tasks, workers, seconds, spread, kills, counts, wrong };
}

// --- the worker with the real browser --------------------------------------------------------------------------------

async function realPage() {
  composed("up", "-d", "--no-build", "worker");
  const id = await until("the worker's container", 60, () => containers("worker")[0]);
  await until("the worker's health", 90, () => health(id) === "healthy");
  const url = "http://shop:8090/product/1";
  const { id: task } = await ask("POST", "/api/tasks", { productUrl: url });
  const userns = () => run("exec", id, "sh", "-c",
    "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -q '^[^ ]*chrom.* --type=renderer' && echo $(readlink $p/ns/user) $(grep -h Seccomp: $p/status); done; readlink /proc/1/ns/user; true").trim().split("\n");
  const seen = await until("a page's process", 60, () => userns().length > 1 && userns());
  const ended = await until("the page", 90, async () => {
    const now = await ask("GET", `/api/tasks/${task}`);
    return ["completed", "failed", "cancelled"].includes(now.status) && now;
  });
  const own = seen.at(-1);
  const confined = seen.slice(0, -1).every((line) => !line.startsWith(own) && line.endsWith("Seccomp: 2"));
  const [database] = containers("postgres");
  const address = run("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", database).trim();
  const reach = (target) => {
    try {
      run("exec", id, "curl", "--verbose", "--max-time", "2", "--output", "/dev/null", `telnet://${target}`);
      return true;
    } catch (error) {
      return /Connected to/.test(String(error.stderr));
    }
  };
  const reachable = [`postgres:5432`, `${address}:5432`, "nats:4222", "scheduler:7070"].filter(reach);
  const wrong = reach("proxy:8081") ? [] : ["the worker does not reach the proxy: the look at the network sees nothing"];
  if (ended.status !== "completed" || !ended.result?.productTitle) wrong.push(`the page: ${JSON.stringify(ended).slice(0, 500)}`);
  if (!confined) wrong.push(`Chromium's sandbox: ${seen.join("; ")}`);
  if (reachable.length > 0) wrong.push(`the worker reaches ${reachable.join(", ")}`);
  say(`${url}: ${ended.result?.productTitle} by ${ended.metrics?.browser ?? "an unknown browser"}`);
  return { url, title: ended.result?.productTitle, price: ended.result?.price, browser: ended.metrics?.browser, wrong };
}

// --- metrics, alerts and dashboard against a real Prometheus ---------------------------------------------------------

async function observability() {
  composed("up", "-d", "--no-build", "prometheus");
  const id = await until("Prometheus", 30, () => containers("prometheus")[0]);
  const get = (path) => JSON.parse(run("exec", id, "wget", "-q", "-O", "-", `http://127.0.0.1:9090${path}`)).data;
  const asked = (path) => { try { return get(path); } catch { return null; } };
  const jobs = ["scheduler", "scheduler", "gateway", "gateway", "api", "heartbeat-monitor", "worker"].map((name) => `ukai-${name}`);
  const targets = await until("all targets", 90, () => {
    const active = asked("/api/v1/targets")?.activeTargets ?? [];
    const up = active.filter((target) => target.health === "up").map((target) => target.labels.job);
    return up.toSorted().join() === jobs.toSorted().join() && up;
  });
  const rules = await until("the alerts", 60, () => {
    const all = (asked("/api/v1/rules")?.groups ?? []).flatMap((group) => group.rules);
    return all.length > 0 && all.every((rule) => rule.health !== "unknown") && all;
  });
  const wrong = rules.filter((rule) => rule.health !== "ok").map((rule) => `alert ${rule.name}: ${rule.lastError}`);
  const board = JSON.parse(readFileSync(new URL("../../grafana/dashboards/ukai.json", import.meta.url)));
  const queries = board.panels.flatMap((panel) => (panel.targets ?? []).map((target) => [panel.title, target.expr]));
  const answer = (expr) => get(`/api/v1/query?query=${encodeURIComponent(expr)}`).result.length;
  // Rates need two looks.
  await until("rates", 60, () => answer("sum(rate(ukai_scheduler_commits_total[1m]))") > 0);
  let answered = 0;
  for (const [title, expr] of queries) {
    try {
      answered += answer(expr) > 0 ? 1 : 0;
    } catch (error) {
      wrong.push(`panel ${title}: ${String(error.stderr ?? error).slice(0, 200)}`);
    }
  }
  const firing = rules.filter((rule) => rule.state === "firing").map((rule) => rule.name);
  say(`${targets.length} targets up, ${rules.length} alerts evaluated, ${answered} of ${queries.length} panels' queries have values`);
  return { targets: targets.length, rules: rules.length, firing, queries: queries.length, answered, wrong };
}

const found = { mainJob: await mainJob(), page: await realPage(), observability: await observability() };
process.stdout.write(`${JSON.stringify(found, null, 1)}\n`);
const wrong = Object.values(found).flatMap((part) => part.wrong);
wrong.forEach((what) => process.stderr.write(`WRONG: ${what}\n`));
process.exit(wrong.length === 0 ? 0 : 1);
