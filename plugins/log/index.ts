import { isWithin, ROOT, type Name } from "../../src/dns/name.ts";
import { answerType, classOf } from "../../src/dns/classify.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";
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
  directive: directiveTable,
  setup(lines, context) {
    const rules = lines.flatMap(({ rule, class: classes }): Rule[] => {
      const format = compileFormat(rule.format ?? DEFAULT_FORMAT);
      const wanted = classes.length === 0 || classes.includes("all") ? undefined : new Set<string>(classes);
      return rule.zones.map((zone) => ({ zone, format, classes: wanted }));
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
