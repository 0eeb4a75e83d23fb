import { serverFailure } from "../../src/dns/message.ts";
import { after, definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";
import { compileRule, Rewriting, type RequestRule } from "./request.ts";
import { respond } from "./response.ts";

/** Changes queries on their way in, and answers on their way out. */
export const rewrite: Plugin = definePlugin({
  name: "rewrite",
  directive: directiveTable,
  setup(lines, { settings }) {
    const rules = lines.map(({ rule }) => compileRule(rule));
    const echo = settings.echoOptions;
    for (const { rule } of lines)
      if (rule.kind === "edns0" && rule.edns.option === "local") echo.add(rule.edns.code);

    return {
      answer(query, next) {
        // Most queries are nothing to any rule: for them nothing is made.
        let first = 0;
        while (first < rules.length && !rules[first]!.may(query)) first++;
        if (first === rules.length) return next(query);
        const rewriting = new Rewriting(query);
        const failed = applyRules(rules, first, rewriting);
        if (failed !== undefined) return serverFailure(`invalid name after rewrite: ${failed}`);
        const sent = rewriting.result();
        const responses = rewriting.responses.toReversed();
        if (sent === query && responses.length === 0) return next(query);
        const exchange = { query, sent, rules: responses, echo };
        return after(next(sent), query, (answer) => respond(answer, exchange));
      },
    };
  },
});

/** Applies rule after rule from `first` on; the text of a name that is none, where a rule makes one. */
function applyRules(rules: readonly RequestRule[], first: number, rewriting: Rewriting): string | undefined {
  for (let i = first; i < rules.length; i++) {
    const rule = rules[i]!;
    if (!rule.apply(rewriting)) continue;
    if (rewriting.wireName === undefined) return rewriting.name;
    if (rule.stop) return undefined;
  }
  return undefined;
}
