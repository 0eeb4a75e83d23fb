// Writes the README's table of plugins from the registry: `node scripts/plugins.mjs` after a plugin was added (npm test compares).
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

const { registry } = await import(join(root, "dist/plugins/index.js"));

export async function pluginTable() {
  const built = [];
  const missing = [];
  for (const { name, load } of registry.order) {
    if (load === undefined) {
      missing.push(`\`${name}\``);
      continue;
    }
    const { directive } = await load();
    const manual = existsSync(join(root, "plugins", name, "README.md"))
      ? `[${name}](plugins/${name}/README.md)`
      : name;
    built.push(`| ${manual} | ${directive.doc ?? ""} |`);
  }
  const head = ["| plugin | what it does |", "| --- | --- |"];
  const tail =
    missing.length === 0
      ? []
      : ["", `Not built yet, and refused with a text that says so: ${missing.join(", ")}.`];
  return [...head, ...built, ...tail].join("\n");
}

const BEGIN = "<!-- PLUGINS -->";
const END = "<!-- /PLUGINS -->";

/** The README with the table as it should be. */
export async function readmeWithTable() {
  const text = readFileSync(join(root, "README.md"), "utf8");
  const from = text.indexOf(BEGIN) + BEGIN.length;
  return `${text.slice(0, from)}\n${await pluginTable()}\n${text.slice(text.indexOf(END))}`;
}

if (process.argv[1]?.endsWith("plugins.mjs")) writeFileSync(join(root, "README.md"), await readmeWithTable());
