/** The rules by iptables (or ip6tables), one call each: what other programs have there is left alone. */
import type { Run, Outcome } from "./command.ts";
import type { Journal } from "./journal.ts";
import { ruleText, type Firewall, type Rule } from "./rules.ts";

/** A rule that stands there more often than this was not made by programs such as this one. */
const MAX_DOUBLES = 100;
/** Calls that meet the lock of another program, which each wait 5 seconds for it. */
const LOCK_TRIES = 3;

export function createIptables(
  program: "iptables" | "ip6tables",
  rules: readonly Rule[],
  run: Run,
  journal: Journal,
): Firewall {
  let waiting: Promise<readonly string[]> | undefined;

  const call = async (verb: "-C" | "-I" | "-D", { table, chain, args }: Rule): Promise<Outcome> => {
    const flags = await (waiting ??= run(program, ["--version"]).then(({ output }) => waitFlags(output)));
    return run(program, [...flags, verb, chain, "-t", table, ...args]);
  };

  const report = (what: string, rule: Rule, doing: string, { code, output }: Outcome): void => {
    const why = code === undefined ? output : `exit status ${code}: ${output}`;
    journal.error(
      `${what} ${ruleText(rule)}, error - error ${doing} rule: ${why.trimEnd()}`,
      isLocked(output) ? "iptables_lock" : "iptables",
    );
  };

  const add = async (rule: Rule): Promise<void> => {
    const what = "Error checking/adding iptables rule";
    const found = await call("-C", rule);
    if (found.code === 0) return;
    if (found.code !== 1) return report(what, rule, "checking", found);
    const added = await call("-I", rule);
    if (added.code === 0) journal.write("info", `Added back nodelocaldns rule - ${ruleText(rule)}`);
    else report(what, rule, "appending", added);
  };

  const remove = async (rule: Rule): Promise<void> => {
    const what = "Failed deleting iptables rule";
    for (let doubles = 0, locked = 0; doubles < MAX_DOUBLES;) {
      const found = await call("-C", rule);
      if (found.code === 1) return;
      const outcome = found.code === 0 ? await call("-D", rule) : found;
      if (outcome.code === 0) {
        doubles++;
      } else if (!isLocked(outcome.output) || ++locked === LOCK_TRIES) {
        return report(what, rule, found.code === 0 ? "deleting" : "checking", outcome);
      }
    }
  };

  const each = async (rules: readonly Rule[], act: (rule: Rule) => Promise<void>): Promise<void> => {
    for (const rule of rules) await act(rule);
  };

  return { ensure: () => each(rules, add), remove: () => each(rules, remove) };
}

const isLocked = (output: string): boolean => output.includes("holding the xtables lock");

/** `-w` came with 1.4.20, its seconds with 1.4.22. What has no version that one could read is new. */
export function waitFlags(versionText: string): readonly string[] {
  const [, major, minor, patch] = /v(\d+)\.(\d+)\.(\d+)/.exec(versionText) ?? [];
  if (patch === undefined) return ["-w", "5"];
  const version = Number(major) * 1e6 + Number(minor) * 1e3 + Number(patch);
  return version >= 1_004_022 ? ["-w", "5"] : version >= 1_004_020 ? ["-w"] : [];
}
