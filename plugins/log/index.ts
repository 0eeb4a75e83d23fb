import { isWithin, parseName, lower, ROOT, type Name } from "../../src/dns/name.ts";
import { answerType, classOf } from "../../src/dns/classify.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { compileFormat, DEFAULT_FORMAT, type Format } from "./format.ts";

interface Rule {
  readonly zone: Name;
  readonly format: Format;
  /** Undefined: all. */
  readonly classes: ReadonlySet<string> | undefined;
}

/** Writes a line for each query. */
export const log: Plugin = definePlugin({
  name: "log",
  directive: {
    usage: "log [NAMES...] [FORMAT] { class CLASSES... }",
    doc: "Logs queries and what they were answered.",
    repeat: "each",
    args: { words: { type: "text[]", as: "NAME|FORMAT", atLeast: 0, optional: true, default: [] } },
    options: {
      class: {
        type: "word[]",
        of: ["success", "denial", "error", "all"],
        repeat: "join",
        doc: "Logs these classes of answers only.",
      },
    },
  },
  setup(lines, context) {
    const rules = lines.flatMap(({ words, class: classes }): Rule[] => {
      // A single word is a zone, whatever it looks like; a format needs a brace.
      const last = words.at(-1);
      const hasFormat = words.length > 1 && last !== undefined && last.includes("{");
      const format = compileFormat(hasFormat ? last : DEFAULT_FORMAT);
      const names = hasFormat ? words.slice(0, -1) : words;
      const wanted = classes.length === 0 || classes.includes("all") ? undefined : new Set<string>(classes);
      const zones =
        names.length === 0
          ? [ROOT]
          : names.map((name) => parseName(name)).filter((name) => name !== undefined);
      return zones.map((zone) => ({ zone: lower(zone), format, classes: wanted }));
    });
    const out = context.log;
    return {
      observe(query, answer, seconds) {
        // The first rule whose zone covers the name decides, also against.
        for (const { zone, format, classes } of rules) {
          if (zone !== ROOT && !isWithin(query.name, zone)) continue;
          if (classes === undefined || classes.has(classOf(answerType(answer, query.type))))
            out.plain("info", format(query, answer, seconds));
          return;
        }
      },
    };
  },
});
