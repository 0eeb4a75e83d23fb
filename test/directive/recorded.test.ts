/** The tables against what CoreDNS's plugins took and refused. */
import t from "tap";
import { parseCorefile, tokensOf, type CorefileError } from "../../src/corefile/index.ts";
import { parseDirective, zonesOf } from "../../src/directive/index.ts";
import { decoded, filesOf, ports, recorded, type RecordedCorefile } from "../support/corefiles.ts";
import { directives } from "../support/directives.ts";
import { tables } from "./tables.ts";

/** Refused there when files were opened, addresses bound, templates and expressions compiled, or later: nothing that a table could know. */
const atSetup = new Set([
  "autopath-at-cache",
  "autopath-file-missing",
  "bind-except-unknown",
  "bind-name",
  "bind-cidr",
  "bind-port",
  "bind-unknown-iface",
  "bind-not-local",
  "bind-v6-bracket",
  "file-dir",
  "file-empty",
  "file-missing-no-reload",
  "file-syntax",
  "flag-port-huge",
  "flag-port-not-number",
  "forward-resolv-missing",
  "header-empty",
  "header-empty-block",
  "k8s_external-alone",
  "key-scheme-https3-no-tls",
  "kubernetes-bare",
  "kubernetes-reverse-only",
  "loadbalance-weighted-bad-ip",
  "loadbalance-weighted-bad-weight",
  "loop-self-forward-zone",
  "loop-two-servers",
  "port-unbindable",
  "template-answer-bad",
  "template-answer-func-bad",
  "template-var-reserved",
]);

/** There the option that comes last is at fault, or the block's end; here it is the one that can't stand alone. */
const otherLine = new Set(["hosts-unsupported-alone", "kubernetes-ns-labels-both", "timeouts-empty-block"]);

/** The first error in the order in which CoreDNS sets plugins up; undefined also where the language refuses or a table is missing. */
function read(each: RecordedCorefile): { readonly error: CorefileError | undefined } | undefined {
  const corefile = parseCorefile({
    text: decoded(each.corefile),
    file: "Corefile",
    directives: new Set(directives),
    env: { ...ports, ...each.env },
    files: filesOf(each.files),
    cwd: "/case",
  });
  if (corefile.error !== undefined) return undefined;
  let missing = false;
  for (const name of directives) {
    for (const block of corefile.blocks) {
      const tokens = tokensOf(block, name);
      if (tokens.length === 0) continue;
      const table = tables[name];
      if (table === undefined) {
        missing = true;
        continue;
      }
      const parsed = parseDirective(name, table, tokens, { zones: zonesOf(block) });
      if (parsed.error !== undefined) return { error: parsed.error };
    }
  }
  return missing ? undefined : { error: undefined };
}

t.test("what CoreDNS took", (t) => {
  let taken = 0;
  for (const each of recorded) {
    if (!each.accept) continue;
    const outcome = read(each);
    if (outcome === undefined) continue;
    taken++;
    t.equal(outcome.error?.message, undefined, each.id);
  }
  t.ok(taken > 250, `${taken} files`);
  t.end();
});

t.test("what it refused", (t) => {
  let refused = 0;
  for (const each of recorded) {
    if (each.accept || atSetup.has(each.id) || /^cannot serve/.test(each.error ?? "")) continue;
    const outcome = read(each);
    if (outcome === undefined) continue;
    refused++;
    t.ok(outcome.error, `${each.id}: ${each.error!}`);
    const place = /(\S+):(\d+) - /.exec(each.error!);
    if (place === null || otherLine.has(each.id)) continue;
    t.equal(outcome.error?.file.replace("/case/", ""), place[1], `${each.id}: file`);
    t.equal(outcome.error?.line, Number(place[2]), `${each.id}: line`);
  }
  t.ok(refused > 100, `${refused} files`);
  t.end();
});
