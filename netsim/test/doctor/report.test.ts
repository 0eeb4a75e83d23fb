/** What diagnoses look like to tools: SARIF by its schema, fingerprints, JSON, Markdown. */
import { join } from "node:path";
import Ajv from "ajv";
import t from "tap";
import { doctor } from "../../src/doctor/doctor.ts";
import { doctorJson } from "../../src/doctor/report/json.ts";
import { doctorMarkdown } from "../../src/doctor/report/markdown.ts";
import { doctorSarif } from "../../src/doctor/report/sarif.ts";
import { doctorText } from "../../src/doctor/report/text.ts";
import { loadFiles, loadText } from "../../src/model/load.ts";
import { broken, folders, netsim, read } from "./support.ts";

interface Sarif {
  readonly runs: readonly [
    {
      readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
      readonly results: readonly {
        readonly ruleId: string;
        readonly ruleIndex: number;
        readonly level: string;
        readonly locations: readonly {
          readonly physicalLocation?: {
            readonly artifactLocation: { readonly uri: string };
            readonly region: { readonly startLine: number };
          };
        }[];
        readonly partialFingerprints: Readonly<Record<string, string>>;
        readonly fixes?: readonly {
          readonly artifactChanges: readonly {
            readonly replacements: readonly {
              readonly deletedRegion: { readonly startLine: number; readonly endLine: number };
              readonly insertedContent: { readonly text: string };
            }[];
          }[];
        }[];
      }[];
    },
  ];
}

const sarifOf = (log: object): Sarif => JSON.parse(JSON.stringify(log)) as Sarif;

t.test("SARIF is valid, whatever was found", async (t) => {
  const schema = JSON.parse(read(join(netsim, "test/doctor/data/schema/sarif-2.1.0.json"))) as object;
  const ajv = new Ajv({ schemaId: "auto", allErrors: true, meta: false });
  ajv.addMetaSchema(
    JSON.parse(read(join(netsim, "../node_modules/ajv/lib/refs/json-schema-draft-04.json"))) as object,
  );
  const valid = ajv.compile(schema);
  for (const name of folders()) {
    const { cluster, options } = broken(name);
    const diagnosis = await doctor(loadFiles([cluster]), options);
    const log = sarifOf(doctorSarif(diagnosis, { read, uriOf: (file) => file.slice(netsim.length + 1) }));
    t.ok(valid(log), `${name}: ${JSON.stringify(valid.errors?.slice(0, 3))}`);
    const [{ results, tool }] = log.runs;
    t.equal(results.length, diagnosis.findings.length);
    for (const { ruleId, ruleIndex, level, locations } of results) {
      t.equal(tool.driver.rules[ruleIndex]?.id, ruleId, "the rule is found by its index");
      t.match(level, /^(error|warning|note)$/);
      t.match(
        locations[0]?.physicalLocation?.artifactLocation.uri,
        /^test\/doctor\/data\//,
        "a place in the repository",
      );
    }
  }
});

t.test("SARIF's fixes are the advice", async (t) => {
  const { cluster } = broken("dns-egress-tcp");
  const diagnosis = await doctor(loadFiles([cluster]));
  const [{ results }] = sarifOf(doctorSarif(diagnosis, { read })).runs;
  const [replacement] = results[0]?.fixes?.[0]?.artifactChanges[0]?.replacements ?? [];
  t.ok(replacement, "there is a replacement");
  const lines = read(cluster).split("\n");
  const { startLine = 0, endLine = 0 } = replacement?.deletedRegion ?? {};
  lines.splice(
    startLine - 1,
    endLine - startLine,
    ...(replacement?.insertedContent.text ?? "").split("\n").slice(0, -1),
  );
  const healed = await doctor(loadText(lines.join("\n")));
  t.same(healed.findings, []);
});

t.test("fingerprints stay when lines move, and tell findings apart", async (t) => {
  const text = read(broken("policy-types-egress").cluster);
  const prints = async (manifest: string) =>
    (await doctor(loadText(manifest))).findings.map((f) => f.fingerprint);
  const [before] = await prints(text);
  t.match(before, /^[0-9a-f]{16}$/);
  t.same(await prints(`# a comment\n\n\n${text}`), [before]);
  const twice = await prints(
    `${text}\n---\n${text.slice(text.lastIndexOf("apiVersion")).replace("name: web", "name: other")}`,
  );
  t.equal(new Set(twice).size, 2);
  t.ok(twice.includes(before as string));
});

t.test("JSON has all that a tool needs", async (t) => {
  const diagnosis = await doctor(loadFiles([broken("dns-egress").cluster]));
  t.match(doctorJson(diagnosis), {
    findings: [
      {
        id: "NS/dns-egress",
        severity: "error",
        at: { object: "NetworkPolicy shop/web-egress", line: 58 },
        subjects: [{ object: "Pod shop/web-1" }],
        evidence: [{ text: /53\/UDP: egress denied/, line: 46 }],
        why: /times out/,
        sources: [{ url: /^https:/ }],
        help: "netsim/docs/doctor.md#nsdns-egress",
        fix: {
          changes: [
            {
              kind: "patch",
              target: { kind: "NetworkPolicy", name: "web-egress" },
              operations: [{ op: "add", path: "/spec/egress/-" }],
            },
          ],
        },
        fingerprint: /^[0-9a-f]{16}$/,
      },
    ],
    counts: { error: 1, warning: 0, note: 0 },
  });
});

t.test("Markdown shows what comes from manifests as it is", async (t) => {
  const cluster = loadText(
    read(broken("external-name-port").cluster).replace("db.example.com:5432", "https://x/<b>*a*_b_"),
  );
  const text = doctorMarkdown(await doctor(cluster));
  t.match(text, /NS\/external-name-port/);
  t.notMatch(text.replace(/```[^]*?```/g, ""), /<b>\*a\*/);
});

t.test("text is plain without colours", async (t) => {
  const diagnosis = await doctor(loadFiles([broken("mtu").cluster]));
  t.notMatch(doctorText(diagnosis), /\u001b/);
  t.match(doctorText(diagnosis, { color: true }), /\u001b\[31merror/);
  t.match(doctorText(diagnosis), /1 error, 0 warnings, 0 notes, by \d+ checks\n$/);
});

t.test("checks are chosen", async (t) => {
  const cluster = loadFiles([broken("dns-egress").cluster]);
  t.same((await doctor(cluster, { skip: ["dns-egress"] })).findings, []);
  t.same(
    (await doctor(cluster, { only: ["NS/mtu"] })).checks.map((c) => c.id),
    ["NS/mtu"],
  );
  const note = loadFiles([broken("corefile-no-loop").cluster]);
  t.equal((await doctor(note)).counts.note, 1);
  t.same((await doctor(note, { severity: "warning" })).findings, []);
});
