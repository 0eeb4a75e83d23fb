/** The language against what CoreDNS did with the same files: blocks, keys, and which line is at fault. */
import t from "tap";
import { fingerprint, keyText, parseCorefile, tokensOf, type Corefile } from "../../src/corefile/index.ts";
import { decoded, filesOf, ports, recorded, type RecordedCorefile } from "../support/corefiles.ts";
import { directives } from "../support/directives.ts";

const parse = (each: RecordedCorefile): Corefile =>
  parseCorefile({
    text: decoded(each.corefile),
    file: "Corefile",
    directives: new Set(directives),
    env: { ...ports, ...each.env },
    files: filesOf(each.files),
    cwd: "/case",
    port: each.no_port_flag === true ? 53 : Number(ports["PORT"]),
  });

/** The language's own refusals; plugins have their name in front, and the `on` directive is the parser's library's. */
const ofLanguage = (error: string): boolean =>
  /^(?!plugin\/)(\S+:\d+ - |error inspecting)/.test(error) &&
  !/event|no command|after 'on'|expecting argument/.test(error);

const withPorts = (line: string): string =>
  line.replace(/\{\$(\w+)\}/g, (_, name: string) => ports[name] ?? "");

t.test("refused where the language refused", (t) => {
  let refused = 0;
  for (const each of recorded) {
    if (each.accept || !ofLanguage(each.error ?? "") || each.id === "proxyproto-unknown") continue;
    refused++;
    const { error } = parse(each);
    t.ok(error, `${each.id}: ${each.error!}`);
    const place = /^(.*):(\d+) - /.exec(each.error!);
    if (place === null) continue;
    t.equal(error?.file.replace("/case/", ""), place[1], `${each.id}: file`);
    t.equal(error?.line, Number(place[2]), `${each.id}: line`);
  }
  t.ok(refused > 40, `${refused} files`);
  t.end();
});

t.test("read where only a plugin refused, or nobody", (t) => {
  // A port out of range is found when sockets are grouped there, and among the keys here.
  const early = ["key-port-65536", "key-port-negative"];
  for (const each of recorded) {
    if (!each.accept && (ofLanguage(each.error ?? "") || early.includes(each.id))) continue;
    t.equal(parse(each).error?.message, undefined, each.id);
  }
  t.end();
});

t.test("the zones of the banner", (t) => {
  for (const each of recorded) {
    if (
      !each.accept ||
      each.no_port_flag === true ||
      each.id.startsWith("bind-") ||
      /^\s*(on|bind) /m.test(each.corefile)
    )
      continue;
    const { error, blocks } = parse(each) as Exclude<Corefile, { readonly error: object }>;
    if (error !== undefined) continue;
    const zones = [...new Set(blocks.flatMap((block) => block.keys.map(keyText)))].sort();
    // Lines that begin with a bracket were taken for log lines by the recorder.
    const banner = [...each.banner, ...each.log.filter((line) => /^\[[^A-Z]/.test(line))]
      .filter((line) => !/^(Warning|time)/.test(line))
      .map(withPorts)
      .sort();
    t.same(zones, banner, each.id);
  }
  t.end();
});

t.test("the fingerprint is the one that CoreDNS printed", (t) => {
  let compared = 0;
  for (const each of recorded) {
    const hash = each.log
      .map((line) => /SHA512 = (\w+)/.exec(line)?.[1])
      .find((found) => found !== undefined);
    if (hash === undefined || /PORT/.test(each.corefile)) continue;
    compared++;
    const corefile = parse(each);
    t.equal(corefile.error === undefined && fingerprint(corefile.blocks, "Corefile"), hash, each.id);
  }
  t.ok(compared >= 3, `${compared} files`);
  t.end();
});

t.test("warnings are those of the log", (t) => {
  for (const each of recorded) {
    const wanted = each.log
      .filter((line) => line.includes("import glob"))
      .map((line) => line.replace("[WARNING] ", ""));
    const corefile = parse(each);
    if (corefile.error === undefined) t.same(corefile.warnings, wanted, each.id);
  }
  t.end();
});

t.test("a directive that stands twice keeps its lines, and joins its words", (t) => {
  const corefile = parseCorefile({
    text: "a.example {\n  log one\n  errors\n  log two {\n    class all\n  }\n}\n",
    file: "Corefile",
    directives: new Set(directives),
  });
  const block = corefile.error === undefined ? corefile.blocks[0] : undefined;
  t.same(
    block?.lines.map(({ name }) => name),
    ["log", "errors", "log"],
  );
  t.same(
    tokensOf(block!, "log").map(({ text, line }) => `${line} ${text}`),
    ["2 log", "2 one", "4 log", "4 two", "4 {", "5 class", "5 all", "6 }"],
  );
  t.end();
});
