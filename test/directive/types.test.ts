/** The types that a set-up sees; wrong ones would not compile. */
import t from "tap";
import { directive, problem, type OptionsOf } from "../../src/directive/index.ts";
import type { Name } from "../../src/dns/name.ts";
import { definePlugin } from "../../src/plugin.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => undefined;

const table = directive({
  args: {
    ttl: { type: "seconds", like: /^\d+$/ },
    zones: { type: "zone[]", default: "keys" },
    to: { type: "text", optional: true },
  },
  options: {
    mode: { type: "word", of: ["a", "b"], default: "a" },
    plain: { type: "integer" },
    joined: { type: "name[]", repeat: "join" },
    each: { type: "duration", repeat: "each" },
    flag: { type: "flag" },
    tuple: { args: { n: { type: "integer" }, word: { type: "text", optional: true } } },
    custom: { type: "custom", takes: "x", parse: (word) => (word === "" ? problem("x") : word.length) },
    free: { usage: "X", line: ({ words }) => (words.length === 0 ? problem("x") : { count: words.length }) },
    later: { notYet: true },
  },
  check: ({ mode, plain }) => (mode === "a" && (plain ?? 0) > 3 ? problem("x") : undefined),
});
type Made = OptionsOf<typeof table>;

t.test("options are typed by their table", (t) => {
  same<Made["ttl"], number | undefined>(true);
  same<Made["zones"], readonly Name[]>(true);
  same<Made["to"], string | undefined>(true);
  same<Made["mode"], "a" | "b">(true);
  same<Made["plain"], number | undefined>(true);
  same<Made["joined"], readonly Name[]>(true);
  same<Made["each"], readonly number[]>(true);
  same<Made["flag"], boolean>(true);
  same<Made["tuple"], { readonly n: number; readonly word: string | undefined } | undefined>(true);
  same<Made["custom"], number | undefined>(true);
  same<Made["free"], { count: number } | undefined>(true);
  same<"later" extends keyof Made ? true : false, false>(true);
  const each = directive({ repeat: "each", rule: ({ words }) => words.length });
  same<OptionsOf<typeof each>[number]["rule"], number>(true);
  t.type(table.check, "function");
  t.type(each.rule, "function");
  t.end();
});

t.test("so are those of a table that stands in its plugin", (t) => {
  const plugin = definePlugin({
    name: "searchpath",
    directive: {
      args: { zone: { type: "name", default: "cluster.local." } },
      options: { extra: { type: "name[]", default: [] }, min_dots: { type: "integer", min: 0, default: 1 } },
    },
    setup: (options) => {
      same<(typeof options)["zone"], Name>(true);
      same<(typeof options)["extra"], readonly Name[]>(true);
      same<(typeof options)["min_dots"], number>(true);
      return { ready: () => options.min_dots > 0 || "no" };
    },
  });
  t.equal(plugin.directive.args?.["zone"]?.default, "cluster.local.");
  t.end();
});
