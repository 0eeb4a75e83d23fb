import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { capabilities, capabilitiesText } from "../../src/gateway/capabilities/capabilities.ts";
import { netsim } from "../cli/support.ts";

const find = (dir: string): string => (existsSync(join(dir, "docs/gateway.md")) ? dir : find(dirname(dir)));
const DOCS = join(find(dirname(fileURLToPath(import.meta.url))), "docs/gateway.md");

t.test("what Ingress and Gateway API can say", (t) => {
  const rows = capabilities();
  t.ok(rows.length >= 18);
  const of = (name: string) => rows.find((row) => row.name === name);
  t.ok(
    rows.every(({ gateway }) => gateway),
    "the Gateway API says all of it in its own fields",
  );
  t.same(
    rows.filter(({ ingress }) => ingress).map(({ name }) => name),
    ["host and path", "TLS ended at the entrance"],
    "and Ingress these",
  );
  t.same(of("shares of traffic")?.annotated, ["nginx"]);
  t.same(of("method")?.annotated, []);
  t.end();
});

t.test("the manual's table is what the evaluators say, and what the command prints", (t) => {
  const table = capabilitiesText(capabilities());
  t.ok(
    readFileSync(DOCS, "utf8").includes(table),
    "docs/gateway.md has the table of `netsim route --capabilities`",
  );
  t.equal(netsim(["route", "--capabilities"]).stdout, `${table}\n`);
  t.same(JSON.parse(netsim(["route", "--capabilities", "--json"]).stdout), capabilities());
  t.end();
});
