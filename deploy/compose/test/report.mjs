// Writes what the test of docker-compose.yml found between its two marks in a document.
// usage: report.mjs DOCUMENT FOUND.json VERSION...
import { readFileSync, writeFileSync } from "node:fs";

const [document, file, ...versions] = process.argv.slice(2);
const { mainJob, page, observability } = JSON.parse(readFileSync(file, "utf8"));
const number = (n) => n.toLocaleString("en-US");
const wrapped = (text) => {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1).length + word.length > 118) lines.push("");
    lines[lines.length - 1] += (lines.at(-1) && " ") + word;
  }
  return lines.join("\n");
};

const kills = mainJob.kills.map((kill) => `| ${kill.what} \`${kill.name.replace(/^ukai-test-\d+[-_]/, "")}\` | ${kill.at.slice(11, 19)} | ${kill.seconds.toFixed(1)} s |`);
const { counts } = mainJob;
const report = [
  wrapped(`Last run ${mainJob.kills[0].at.slice(0, 10)}: ${versions.join(", ")}, ${page.browser ?? "no browser"}; images made of Debian's packages.`),
  "",
  wrapped(`Two schedulers, two gateways, api, monitor, proxy, PostgreSQL and NATS, each in a container; ${mainJob.workers} simulated workers (${mainJob.spread.map(([, sessions]) => sessions).join(" and ")} at the gateways) and ${number(mainJob.tasks)} tasks through the one origin, done in ${mainJob.seconds.toFixed(1)} s:`),
  "",
  "| killed (SIGKILL) | at (UTC) | next result accepted after |",
  "|---|---|---|",
  ...kills,
  "",
  wrapped(`${number(counts.tasksWithAResult)} tasks with one result, ${counts.tasksWithTwoResults} with two, ${counts.open + counts.failed} left over or failed; ${number(counts.runs)} runs, ${number(counts.duplicates)} results sent again and answered as known, ${counts.refused} refused. The killed scheduler came back as a standby. The worker's Chromium, sandboxed as an ordinary account, read «${page.title}» from the sample shop; it reached neither database nor bus. Prometheus: ${observability.targets} targets up, ${observability.rules} alerts without an error, ${observability.answered} of the dashboard's ${observability.queries} queries had values.`),
].join("\n");

const [begin, end] = ["<!-- test-compose: begin -->", "<!-- test-compose: end -->"];
const text = readFileSync(document, "utf8");
const [from, to] = [text.indexOf(begin), text.indexOf(end)];
if (from < 0 || to < from) throw new Error(`${document} does not have both marks: ${begin} and ${end}`);
writeFileSync(document, `${text.slice(0, from)}${begin}\n${report}\n${text.slice(to)}`);
console.log(report);
