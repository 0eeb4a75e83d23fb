/** Workload files: times, chance, faults. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { observeTraffic } from "../../src/cli/observe-sources.ts";
import { readArguments } from "../../src/flow/arguments.ts";
import { decodeResponse, encodeResponse } from "../../src/flow/json.ts";
import { simulate } from "../../src/flow/traffic/simulate.ts";
import { readWorkload, WorkloadError } from "../../src/flow/traffic/workload.ts";
import type { FlowsResponse } from "../../src/flow/types.ts";
import { loadText } from "../../src/model/load.ts";
import { example, flows, MANIFESTS, one, responses } from "./traffic-support.ts";

t.test("times and chance", async (t) => {
  const traffic = (more: string, top = "") =>
    `start: 2026-04-14T00:00:00Z\n${top}\ntraffic: [{ from: prod/backend-yyy, to: 'prod/postgres-zzz:5432', ${more} }]`;
  const starts = async (text: string) =>
    (await flows(text))
      .filter((f) => f.event_type?.type === 5 && f.traffic_direction === "EGRESS")
      .map((f) => f.time!.slice(14));
  t.same(
    await starts(traffic("every: 2s")),
    ["00:00Z", "00:02Z", "00:04Z", "00:06Z", "00:08Z"],
    "ten seconds, unless it says otherwise",
  );
  t.equal((await starts(traffic("rate: 5/s", "for: 2s"))).length, 10);
  t.equal((await starts(traffic("rate: 90/m", "for: 2s"))).length, 3);
  t.equal((await starts(traffic("every: 1s, count: 3"))).length, 3);
  t.same(await starts(traffic("every: 1s, after: 3s, for: 2s")), ["00:03Z", "00:04Z"]);
  t.same(await starts(traffic("")), ["00:00Z"], "once");
  const text = example("traffic.yaml");
  const a = JSON.stringify(await responses(text));
  t.equal(JSON.stringify(await responses(text)), a, "the same again");
  t.not(JSON.stringify(await responses(text.replace("seed: 7", "seed: 8"))), a);
  const times = (JSON.parse(a) as FlowsResponse[]).map((r) => Date.parse(r.time!));
  t.ok(
    times.every((at, i) => i === 0 || at >= times[i - 1]!),
    "in their order",
  );
  const from = await flows(
    "traffic: [{ from: [prod/frontend-xxx, prod/backend-yyy], to: 'prod/redis-aaa:6379', every: 1s, count: 4, timeout: 1s }]",
  );
  t.same(
    from.filter((f) => f.event_type?.type === 5).map((f) => f.source?.pod_name),
    ["frontend-xxx", "backend-yyy", "frontend-xxx", "backend-yyy"],
    "senders take turns",
  );
});

t.test("--follow: at the clock's pace, from now on", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "netsim-observe-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const [manifests, traffic] = [join(dir, "k8s.yaml"), join(dir, "traffic.yaml")];
  writeFileSync(manifests, MANIFESTS);
  writeFileSync(
    traffic,
    "- { from: prod/backend-yyy, to: 'prod/redis-aaa:6379', every: 250ms, timeout: 1ms }",
  );
  const args = [manifests, "--traffic", traffic, "--follow", "--type", "drop", "-o", "json"];
  const begun = Date.now();
  const seen: { at: number; time: number }[] = [];
  for await (const { out } of observeTraffic(readArguments(args, 0n), false)) {
    if (out === "") continue;
    seen.push({ at: Date.now(), time: Date.parse((JSON.parse(out) as FlowsResponse).time!) });
    if (seen.length === 3) break;
  }
  t.same(
    seen.slice(1).map(({ time }, i) => time - seen[i]!.time),
    [250, 250],
  );
  t.ok(seen[2]!.at - begun >= 500, "the third is half a second away");
  t.ok(
    seen.every(({ at, time }) => time >= begun && at >= time),
    "none is shown before its time",
  );
});

t.test("every flow is one of Hubble's", async (t) => {
  for (const response of await responses(example("traffic.yaml"))) {
    const line = encodeResponse(response);
    const unknown: string[] = [];
    t.same(
      decodeResponse(line, (name) => unknown.push(name)),
      response,
    );
    if (unknown.length > 0) t.fail(unknown.join());
  }
});

t.test("faults of a workload file, with file and line", async (t) => {
  const fault = (text: string): string => {
    try {
      readWorkload(text, "w.yaml");
      return "";
    } catch (error) {
      return error instanceof WorkloadError ? error.message : String(error);
    }
  };
  t.equal(fault("traffic:\n  - from: a/b\n    to: c:80\n"), "");
  t.equal(fault("- { from: a/b, to: c:80 }"), "", "the list alone");
  t.match(
    fault("traffic:\n  - from: a/b\n    to: c:80\n    every: 2\n"),
    /^w\.yaml:4: traffic\[0\]\.every: 2 is no duration: write 500ms/,
  );
  t.match(
    fault("traffic:\n  - from: a/b\n    to: c:80\n    rate: often\n"),
    /^w\.yaml:4: traffic\[0\]\.rate: "often" is no rate/,
  );
  t.match(
    fault("traffic:\n  - from: a/b\n    to: c:80\n    rate: 1/s\n    every: 1s\n"),
    /^w\.yaml:4: .*leave one of them out/,
  );
  t.match(fault("traffic:\n  - { to: c:80 }\n"), /^w\.yaml:2: traffic\[0\]: needs from/);
  t.match(fault("traffic:\n  - { from: a/b }\n"), /needs to/);
  t.match(
    fault("traffic:\n  - { from: a/b, to: c:80, colour: red }\n"),
    /^w\.yaml:2: traffic\[0\]\.colour: there is no such field/,
  );
  t.match(fault("traffic:\n  - { from: a/b, to: 'c/d:80', method: GET }\n"), /requests need a URL/);
  t.match(fault("start: soon\ntraffic: [{ from: a/b, to: c:80 }]"), /^w\.yaml:1: start: "soon" is no time/);
  t.match(
    fault("jitter: 2\ntraffic: [{ from: a/b, to: c:80 }]"),
    /^w\.yaml:1: jitter: 2 is no number from 0 to 1/,
  );
  t.match(fault("traffic: []"), /needs a list/);
  t.match(fault("traffic: [\n"), /^w\.yaml:2: /);
  t.match(fault("just text"), /^w\.yaml:1: must be a mapping/);
  t.equal(
    fault("traffic:\n  - { from: 1, to: c:80 }\n  - { from: a/b, to: c:80, status: 99 }\n").split("\n")
      .length,
    2,
    "all at once",
  );
  await t.rejects(responses("traffic:\n  - { from: prod/nobody, to: c:80 }\n"), {
    message: /^traffic\.yaml:2: from: there is no pod/,
  });
  const told: string[] = [];
  const lost = simulate(loadText(MANIFESTS), readWorkload(one("to: prod/nothing-here:80"), "w.yaml"), {
    report: (p) => void told.push(p),
  });
  for await (const { responses: none } of lost) t.same(none, []);
  t.match(told, [/^w\.yaml:1: to: prod\/nothing-here:80: /]);
});
