import { nameText } from "../../src/dns/name.ts";
import { typeText } from "../../src/dns/types.ts";
import { durationText, type OptionsOf } from "../../src/directive/index.ts";
import { definePlugin, type Logger, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Writes what went wrong with a query: the error of every answer that could not be made. */
export const errors: Plugin = definePlugin({
  name: "errors",
  directive: directiveTable,
  setup({ consolidate }, { log }) {
    const patterns = consolidate.map((rule) => createPattern(rule, log));
    return {
      observe(query, answer) {
        if (answer.kind !== "failure" || answer.error === undefined || answer.error === "") return;
        const text = answer.error;
        const line = `${answer.rcode} ${nameText(query.name)} ${typeText(query.type)}: ${text}`;
        const pattern = patterns.find((one) => one.matches(text));
        if (pattern === undefined) log.error(line);
        else pattern.count(line);
      },
      close() {
        for (const pattern of patterns) pattern.flush();
      },
    };
  },
});

interface Pattern {
  matches(text: string): boolean;
  /** Takes note of an error; `line` is printed where it is the first and that is wanted. */
  count(line: string): void;
  /** Reports what has been counted so far. */
  flush(): void;
}

/** One `consolidate` line. */
type Consolidation = OptionsOf<typeof directiveTable>["consolidate"][number];

function createPattern(
  { period, pattern: regexp, level = "error", show_first }: Consolidation,
  log: Logger,
): Pattern {
  const showFirst = show_first !== undefined;
  let seen = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const count = seen;
    seen = 0;
    // What was shown when it happened is not reported again.
    if (count > (showFirst ? 1 : 0))
      log[level](`${count} errors like '${regexp.pattern()}' occurred in last ${durationText(period)}`);
  };
  return {
    matches: (text) => regexp.matcher(text).find(),
    count(line) {
      seen++;
      if (seen > 1) return;
      timer = setTimeout(flush, period);
      timer.unref();
      if (showFirst) log[level](line);
    },
    flush,
  };
}
