/** The manual has a section on each check, with what it says of its broken cluster. `NETSIM_WRITE_MANUAL=1` writes them anew. */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { format } from "prettier";
import t from "tap";
import { CHECKS } from "../../src/doctor/checks.ts";
import { doctor } from "../../src/doctor/doctor.ts";
import { manualIndex, manualSection, type Chapter } from "../../src/doctor/report/manual.ts";
import type { Check, Evidence, Finding } from "../../src/doctor/types.ts";
import { loadFiles } from "../../src/model/load.ts";
import { broken, netsim, read } from "./support.ts";

const MANUAL = join(netsim, "docs/doctor.md");
const BEGIN = { index: "<!-- index -->", checks: "<!-- checks -->" } as const;
const END = { index: "<!-- end of index -->", checks: "<!-- end of checks -->" } as const;

/** The first check of each chapter. */
const CHAPTERS: readonly (readonly [title: string, first: Check["id"]])[] = [
  ["Network policy", "NS/dns-egress"],
  ["Services", "NS/service-selector"],
  ["DNS", "NS/dns-endpoints"],
  ["Nodes and the network between them", "NS/cni"],
  ["Ingress and Gateway API", "NS/ingress-class"],
];

function chapters(): Chapter[] {
  const starts = CHAPTERS.map(([, first]) => CHECKS.findIndex((c) => c.id === first));
  return CHAPTERS.map(([title], i) => ({ title, checks: CHECKS.slice(starts[i], starts[i + 1]) }));
}

async function example(check: Check): Promise<{ finding: Finding; file: string }> {
  const { cluster, options } = broken(check.id.slice(3));
  const { findings } = await doctor(loadFiles([cluster]), options);
  const [finding] = findings as [Finding];
  const short = (text: string): string => text.replaceAll(`${dirname(cluster)}/`, "");
  const shorter = (e: Evidence): Evidence => ({ ...e, text: short(e.text) });
  const changes = finding.fix.changes.map((c) => (c.kind === "sysctl" ? { ...c, file: short(c.file) } : c));
  return {
    finding: {
      ...finding,
      message: short(finding.message),
      evidence: finding.evidence.map(shorter),
      fix: { ...finding.fix, changes },
    },
    file: finding.at.file === null ? "" : short(finding.at.file),
  };
}

async function sections(): Promise<string> {
  const out: string[] = [];
  for (const { title, checks } of chapters()) {
    out.push(`## ${title}`);
    for (const check of checks) {
      const { finding, file } = await example(check);
      out.push(manualSection(check, finding, file));
    }
  }
  return out.join("\n\n");
}

const between = (text: string, part: keyof typeof BEGIN): string =>
  text.split(BEGIN[part])[1]?.split(END[part])[0]?.trim() ?? "";

async function formatted(text: string): Promise<string> {
  return (await format(text, { parser: "markdown" })).trim();
}

t.test("the manual says what the checks say", async (t) => {
  const wanted = { index: manualIndex(chapters()), checks: await sections() };
  if (process.env["NETSIM_WRITE_MANUAL"] === "1") {
    let text = read(MANUAL);
    for (const part of ["index", "checks"] as const)
      text = text.replace(
        new RegExp(`${BEGIN[part]}[^]*${END[part]}`),
        () => `${BEGIN[part]}\n\n${wanted[part]}\n\n${END[part]}`,
      );
    writeFileSync(MANUAL, await format(text, { parser: "markdown", printWidth: 110 }));
  }
  const manual = read(MANUAL);
  t.equal(await formatted(between(manual, "index")), await formatted(wanted.index), "the index");
  t.equal(await formatted(between(manual, "checks")), await formatted(wanted.checks), "the sections");
  t.equal(chapters().flatMap((c) => c.checks).length, CHECKS.length, "every check is in a chapter");
});

t.test("every check says why, in sentences, and by whom", (t) => {
  for (const { id, title, why, sources } of CHECKS) {
    t.match(id, /^NS\/[a-z]+(-[a-z]+)*$/);
    t.notMatch(title, /\.$/, `${id}: a heading`);
    t.match(why, /[.)]$/, `${id}: sentences`);
    t.ok(sources.length > 0 && sources.every((s) => s.url.startsWith("https://")), `${id}: sources`);
  }
  t.end();
});
