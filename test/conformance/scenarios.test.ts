/** Every recorded scenario whose plugins are built: the answers must be those of the real CoreDNS. */
import t from "tap";
import { missingPlugins, runScenario, scenarioNames } from "./scenario.ts";

/** Scenarios that need what this machine may not have. */
const NEEDS: Readonly<Record<string, string>> = { etcd: "needs an etcd" };

/** Cases where an RFC forbids what CoreDNS does and no client can use it: by scenario and id, what is different, and why. */
const OURS: Readonly<Record<string, readonly string[]>> = {
  "rewrite-type-class x.other.test-txt": [
    'question: want "x.other.test. IN A", got "x.other.test. IN TXT"', // RFC 5452 section 9.1: not the question asked
  ],
};

t.setTimeout(1_200_000);

/** CONFORMANCE=cache,forward chooses by beginnings of names. */
const chosen = (process.env["CONFORMANCE"] ?? "").split(",").filter((part) => part !== "");

for (const name of scenarioNames()) {
  if (chosen.length > 0 && !chosen.some((part) => name.startsWith(part))) continue;
  const missing = [...new Set(missingPlugins(name))];
  const skip = NEEDS[name] ?? (missing.length > 0 ? `not built yet: ${missing.join(", ")}` : undefined);
  t.test(name, skip === undefined ? {} : { skip }, async (t) => {
    for (const { id, differences } of await runScenario(name))
      t.same(differences, OURS[`${name} ${id}`] ?? [], id);
  });
}
