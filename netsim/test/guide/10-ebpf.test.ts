/** eBPF and Hubble: what `hubble observe`'s options let through of the example's flows. */
import t from "tap";
import { netsim } from "../cli/support.ts";
import { file, readme } from "./console.ts";

readme(t, "10-ebpf");

t.test("filters", (t) => {
  const summaries = (...args: string[]) =>
    netsim(["observe", "--input-file", file("10-ebpf/flows.jsonl"), "-o", "json", ...args])
      .stdout.split("\n")
      .filter((l) => l !== "")
      .map((l) => (JSON.parse(l) as { flow: { Summary: string } }).flow.Summary.split(" ")[0]);
  t.equal(summaries("--namespace", "prod").length, 5);
  t.equal(summaries("--pod", "prod/frontend-xxx").length, 4);
  t.same(summaries("--protocol", "DNS"), ["DNS"]);
  t.same(summaries("--verdict", "DROPPED"), ["TCP"]);
  t.same(summaries("--protocol", "HTTP", "--http-method", "GET"), ["HTTP/1.1"]);
  t.same(summaries("--protocol", "HTTP", "--http-method", "POST"), []);
  t.end();
});
