/** `netsim museum`: famous outages, run anew. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXHIBITS, findExhibit, show, WINGS, type Shown } from "../museum/index.ts";
import { document, index, page, story } from "../museum/tell.ts";
import { writeAll } from "./input.ts";
import { readArgs, UsageError } from "./usage.ts";

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    all: { type: "boolean" },
    json: { type: "boolean" },
    pages: { type: "string" },
  });
  const json = values.json === true;
  if (values.pages !== undefined) return writePages(values.pages);
  if (values.all === true) return tour(json);
  if (positionals.length === 0) return list(json);
  const wanted = positionals.map((id) => {
    const exhibit = findExhibit(id);
    if (exhibit === undefined)
      throw new UsageError(`there is no exhibit ${JSON.stringify(id)}: netsim museum lists them`);
    return exhibit;
  });
  let code = 0;
  const told: Shown[] = [];
  for (const exhibit of wanted) {
    const shown = await show(exhibit);
    if (!shown.ok) code = 1;
    told.push(shown);
  }
  const documents = told.map(document);
  await writeAll(
    json
      ? [`${JSON.stringify(documents.length === 1 ? documents[0] : documents, null, 2)}\n`]
      : [told.map(story).join("\n")],
  );
  return code;
}

async function list(json: boolean): Promise<number> {
  if (json) {
    const all = EXHIBITS.map(({ id, title, year, wing, threads }) => ({ id, title, year, wing, threads }));
    await writeAll([`${JSON.stringify(all, null, 2)}\n`]);
    return 0;
  }
  const width = Math.max(...EXHIBITS.map(({ id }) => id.length));
  const lines = Object.entries(WINGS).flatMap(([wing, name]) => {
    const here = EXHIBITS.filter((one) => one.wing === wing);
    if (here.length === 0) return [];
    return [name, ...here.map(({ id, year, title }) => `  ${id.padEnd(width)}  ${year}  ${title}`), ""];
  });
  await writeAll([
    lines.join("\n"),
    `\n${EXHIBITS.length} exhibits: netsim museum ID tells one, --all runs them all.\n`,
  ]);
  return 0;
}

/** All of them, one line each; the exit code says whether each showed what it is to show. */
async function tour(json: boolean): Promise<number> {
  const width = Math.max(...EXHIBITS.map(({ id }) => id.length));
  const all: Shown[] = [];
  const begun = performance.now();
  for (const exhibit of EXHIBITS) {
    const start = performance.now();
    const shown = await show(exhibit);
    all.push(shown);
    if (json) continue;
    const ms = String(Math.round(performance.now() - start)).padStart(4);
    const { id, year } = exhibit;
    const { broken, mended } = shown.evidence;
    await writeAll([
      `${shown.ok ? "ok    " : "NOT OK"} ${id.padEnd(width)}  ${year}  ${ms} ms  ${broken.what}; mended: ${mended.what}\n`,
    ]);
  }
  const failed = all.filter(({ ok }) => !ok);
  if (json) await writeAll([`${JSON.stringify(all.map(document), null, 2)}\n`]);
  else {
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    const verdict =
      failed.length === 0
        ? "all as reported"
        : `not as reported: ${failed.map(({ exhibit }) => exhibit.id).join(", ")}`;
    await writeAll([`\n${all.length} exhibits in ${seconds} s: ${verdict}\n`]);
  }
  return failed.length === 0 ? 0 : 1;
}

async function writePages(directory: string): Promise<number> {
  mkdirSync(directory, { recursive: true });
  const all: Shown[] = [];
  for (const exhibit of EXHIBITS) all.push(await show(exhibit));
  for (const shown of all) writeFileSync(join(directory, `${shown.exhibit.id}.md`), page(shown));
  writeFileSync(join(directory, "README.md"), index(all));
  await writeAll([`${all.length + 1} pages in ${directory}\n`]);
  return all.every(({ ok }) => ok) ? 0 : 1;
}
