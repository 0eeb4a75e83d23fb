import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../test/support/paths.ts";

const BEGIN = "<!-- bench:begin (npm run bench -- --readme writes what is between these lines) -->";
const END = "<!-- bench:end -->";

/** Puts the figures between the marks in README.md, or at its end where there are none, and the chart into docs/. */
export function writeReadme(figures: string, chart: string): void {
  mkdirSync(join(root, "docs"), { recursive: true });
  writeFileSync(join(root, "docs/bench.svg"), chart);
  const file = join(root, "README.md");
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const begin = text.indexOf("<!-- bench:begin");
  const end = text.indexOf(END);
  const block = `${BEGIN}\n\n![CPU for a query](docs/bench.svg)\n\n${figures}\n\n${END}`;
  writeFileSync(
    file,
    begin < 0 || end < begin
      ? `${text.trimEnd()}\n\n${block}\n`
      : text.slice(0, begin) + block + text.slice(end + END.length),
  );
}
