import { nameText } from "../../src/dns/name.ts";
import { typeText } from "../../src/dns/types.ts";
import { definePlugin, type Logger, type Plugin } from "../../src/plugin.ts";
import { readConsolidate, type Consolidation } from "./consolidate.ts";

/** Writes what went wrong with a query: the error of every answer that could not be made. */
export const errors: Plugin = definePlugin({
  name: "errors",
  directive: {
    doc: "Logs the errors that queries end in.",
    repeat: "once",
    args: { target: { type: "word", of: ["stdout"], optional: true } },
    options: {
      stacktrace: { type: "flag", doc: "The stack of a plugin's exception goes to the log." },
      consolidate: {
        usage: "DURATION REGEXP [LEVEL] [show_first]",
        line: readConsolidate,
        repeat: "each",
        doc: "Counts errors that match and reports the number when the duration is over.",
      },
    },
  },
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

function createPattern(
  { period, periodText, regexp, source, level, showFirst }: Consolidation,
  log: Logger,
): Pattern {
  let seen = 0;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const count = seen;
    seen = 0;
    // What was shown when it happened is not reported again.
    if (count > (showFirst ? 1 : 0))
      log[level](`${count} errors like '${source}' occurred in last ${periodText}`);
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
