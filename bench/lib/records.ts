import { clusterDns } from "../../src/index.ts";
import type { Manifest } from "../../test/support/apiserver-load.ts";
import type { Question } from "./ask.ts";

/** What the cluster answers these questions, as zone-file lines: for servers that read zones. */
export async function recordsFor(
  objects: readonly Manifest[],
  questions: readonly Question[],
): Promise<string[]> {
  const dns = await clusterDns(objects, { listen: false });
  try {
    const records = new Set<string>();
    for (const [name, type] of new Map(questions.map((one) => [one.join(" "), one])).values()) {
      for (const record of (await dns.resolve(name, type)).records) records.add(record);
    }
    return [...records];
  } finally {
    await dns.close();
  }
}
