/** CoreDNS: the guide's Corefile answers, and what ndots:5 asks for. */
import { readFileSync } from "node:fs";
import t from "tap";
import { guide, names } from "../trace/support.ts";
import { file, readme } from "./console.ts";

readme(t, "06-dns");

const ask = (from: string, to = "https://api.example.com") =>
  guide(["06-dns/my-pod", "06-dns/coredns"], `default/${from}`, to);

t.test("ndots: 5 asks for four names, 2 for one", async (t) => {
  const usual = await ask("default-pod");
  t.same(names(usual), [
    "api.example.com.default.svc.cluster.local.",
    "api.example.com.svc.cluster.local.",
    "api.example.com.cluster.local.",
    "api.example.com.",
  ]);
  t.equal(usual.lookup?.needless, 6, "three names, each for A and AAAA");
  t.ok(usual.notes.some((n) => n.code === "needless-queries"));
  const lowered = await ask("my-pod");
  t.same(names(lowered), ["api.example.com."]);
  t.equal(lowered.lookup?.needless, 0);
  t.same(
    names(await ask("default-pod", "https://api.example.com.")),
    ["api.example.com."],
    "with a final dot",
  );
});

t.test("the Corefile of the ConfigMap is the one that answers", async (t) => {
  t.match(readFileSync(file("06-dns/coredns.yaml"), "utf8"), /pods insecure/);
  const pod = await ask("default-pod", "10-1-1-2.default.pod.cluster.local:80");
  t.same(pod.lookup?.result.addresses, ["10.1.1.2"], "an address in a name, though no pod has it");
});
