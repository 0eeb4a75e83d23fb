/** Simulated traffic: flows as Cilium's agents would tell of them. */
import t from "tap";
import { example, flows, MANIFESTS, one, shown } from "./traffic-support.ts";

t.test("the guide's commands, and its example to the column", async (t) => {
  const guide = example("guide.yaml");
  const args =
    "-o brief --tcp-flags syn --not-reply --type trace:to-proxy --type trace:to-overlay --type drop --first 3";
  t.equal(
    await shown(guide, args),
    `TIMESTAMP            SOURCE              DESTINATION         TYPE     VERDICT
Apr 14 09:15:23.456  prod/frontend-xxx   prod/backend-yyy    L4/TCP   FORWARDED
Apr 14 09:15:23.789  prod/backend-yyy    prod/postgres-zzz   L4/TCP   FORWARDED
Apr 14 09:15:24.012  prod/frontend-xxx   prod/redis-aaa      L4/TCP   DROPPED
`,
  );
  const traffic = example("traffic.yaml");
  const lines = async (options: string) => (await shown(traffic, options)).trim().split("\n");
  const all = await lines("--namespace prod");
  t.ok(all.length > 500 && all.every((l) => l.includes("prod/")));
  t.ok((await lines("--pod prod/frontend-xxx")).every((l) => l.includes("prod/frontend-xxx")));
  t.ok((await lines("--protocol DNS")).every((l) => / dns-(?:request|response) proxy /.test(l)));
  t.ok((await lines("--verdict DROPPED")).every((l) => l.includes("DROPPED") || l.includes("DENIED")));
  const get = await lines("--protocol HTTP --http-method GET");
  t.equal(get.length, 12, "six requests, six responses");
  t.match(get[0], /http-request FORWARDED \(HTTP\/1\.1 GET http:\/\/backend\/orders\)$/);
  t.equal((await lines("--last 5")).length, 5);
});

t.test("a connection through two nodes, packet by packet", async (t) => {
  const text = await shown(
    "traffic: [{ from: prod/backend-yyy, to: 'prod/postgres-zzz:5432' }]",
    "--print-node-name",
  );
  const what = text
    .trim()
    .split("\n")
    .map((l) => l.replace(/^.*? \[default\/(.*?)\]: \S+ \S+ (..) \S+ \S+ /, "$1 $2 "));
  t.same(what.slice(0, 8), [
    "node-a -> policy-verdict:L3-L4 EGRESS ALLOWED (TCP Flags: SYN)",
    "node-a -> to-overlay FORWARDED (TCP Flags: SYN)",
    "node-b -> policy-verdict:L3-L4 INGRESS ALLOWED (TCP Flags: SYN)",
    "node-b -> to-endpoint FORWARDED (TCP Flags: SYN)",
    "node-b <- to-overlay FORWARDED (TCP Flags: SYN, ACK)",
    "node-a <- to-endpoint FORWARDED (TCP Flags: SYN, ACK)",
    "node-a -> to-overlay FORWARDED (TCP Flags: ACK)",
    "node-b -> to-endpoint FORWARDED (TCP Flags: ACK)",
  ]);
  t.match(what.at(-1), /<- to-endpoint FORWARDED \(TCP Flags: ACK, FIN\)/);
});

t.test("without aggregation: also where packets come from", async (t) => {
  const text = "aggregation: none\ntraffic: [{ from: prod/backend-yyy, to: 'prod/postgres-zzz:5432' }]";
  const lines = (await shown(text, "--first 6")).trim().split("\n");
  t.same(
    lines.map((l) => l.replace(/^.*\) (?=\S+(?: \S+)? (?:ALLOWED|FORWARDED))/, "")),
    [
      "from-endpoint FORWARDED (TCP Flags: SYN)",
      "policy-verdict:L3-L4 EGRESS ALLOWED (TCP Flags: SYN)",
      "to-overlay FORWARDED (TCP Flags: SYN)",
      "from-overlay FORWARDED (TCP Flags: SYN)",
      "policy-verdict:L3-L4 INGRESS ALLOWED (TCP Flags: SYN)",
      "to-endpoint FORWARDED (TCP Flags: SYN)",
    ],
  );
  t.match(lines[0], / <> /, "where nobody has looked for its connection, nobody knows its direction");
  const proxied = await shown(`aggregation: none\n${one("to: http://backend/orders")}`, "--tcp-flags syn");
  t.match(proxied, /to-proxy FORWARDED[^]*from-proxy FORWARDED[^]*to-endpoint FORWARDED/);
});

t.test("who is who", async (t) => {
  const [verdict, overlay] = await flows(
    "traffic: [{ from: prod/backend-yyy, to: 'prod/postgres-zzz:5432' }]",
  );
  t.match(verdict, {
    event_type: { type: 5 },
    verdict: "FORWARDED",
    policy_match_type: 2,
    is_reply: false,
    egress_allowed_by: [{ name: "backend", namespace: "prod", kind: "CiliumNetworkPolicy" }],
  });
  t.match(overlay, {
    Type: "L3_L4",
    node_name: "default/node-a",
    event_type: { type: 4, sub_type: 4 },
    trace_observation_point: "TO_OVERLAY",
    trace_reason: "NEW",
    traffic_direction: "EGRESS",
    IP: { ipVersion: "IPv4", source: /^10\.1\.1\./, destination: /^10\.1\.2\./ },
    l4: { TCP: { destination_port: 5432, flags: { SYN: true } } },
  });
  t.same(overlay!.source!.labels, [
    "k8s:app=backend",
    "k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=prod",
    "k8s:io.cilium.k8s.policy.cluster=default",
    "k8s:io.cilium.k8s.policy.serviceaccount=default",
    "k8s:io.kubernetes.pod.namespace=prod",
  ]);
  t.ok(overlay!.source!.ID! > 0, "a node knows the ids of its own endpoints");
  t.equal(overlay!.destination!.ID, undefined, "and of no others");
  t.ok(overlay!.source!.identity! >= 256);
  t.not(overlay!.source!.identity, overlay!.destination!.identity);
});

t.test("what is denied", async (t) => {
  const denied = await flows(one("to: 'redis.prod:6379', timeout: 4s"));
  const drops = denied.filter((f) => f.event_type?.type === 1);
  t.equal(drops.length, 3);
  t.match(drops[0], {
    verdict: "DROPPED",
    drop_reason: 133,
    drop_reason_desc: "POLICY_DENIED",
    traffic_direction: "EGRESS",
    event_type: { sub_type: 133 },
  });
  t.equal(drops[0]!.is_reply, undefined);
  const gaps = drops.map((f) => Date.parse(f.time!) - Date.parse(drops[0]!.time!));
  t.same(gaps, [0, 1000, 3000], "as the kernel tries again");
  const deny = `${MANIFESTS}\n---\n${example("policy.yaml")
    .split("---")[1]!
    .replace("name: backend", "name: never")
    .replace(/egress:[^]*/, "egressDeny: [{ toEndpoints: [{ matchLabels: { app: postgres } }] }]\n")}`;
  const byRule = await flows("traffic: [{ from: prod/backend-yyy, to: 'prod/postgres-zzz:5432' }]", deny);
  t.match(
    byRule.find((f) => f.event_type?.type === 1),
    { drop_reason_desc: "POLICY_DENY" },
    "a deny rule has a reason of its own",
  );
  t.match(byRule[0], { egress_denied_by: [{ name: "never" }] });
  const ingress = await flows(
    one("to: 'prod/postgres-zzz:5432'"),
    example("prod.yaml") + "\n---\n" + example("policy.yaml").split("---")[2]!,
  );
  t.same(
    ingress.slice(0, 3).map((f) => [f.node_name, f.event_type?.type, f.verdict]),
    [
      ["default/node-a", 4, "FORWARDED"],
      ["default/node-b", 5, "DROPPED"],
      ["default/node-b", 1, "DROPPED"],
    ],
    "it leaves its node, and ends at the other",
  );
  const audit = MANIFESTS.replace("routing-mode: tunnel", 'routing-mode: tunnel, policy-audit-mode: "true"');
  const audited = await flows(one("to: 'redis.prod:6379'"), audit);
  t.match(
    audited.find((f) => f.event_type?.type === 5 && f.l4?.TCP !== undefined),
    { verdict: "AUDIT" },
  );
  t.ok(
    audited.some((f) => f.l4?.TCP?.destination_port === 6379 && f.event_type?.type === 4),
    "audit mode lets it through",
  );
});

t.test("HTTP", async (t) => {
  const http = async (more: string, manifests?: string) =>
    (await flows(one(`to: http://backend/orders, ${more}`), manifests)).filter(
      (f) => f.l7?.http !== undefined,
    );
  const [request, response, ...more] = await http(
    "method: GET, latency: 20ms, status: 503, headers: { X-Team: shop }",
  );
  t.same(more, []);
  t.match(request, {
    Type: "L7",
    verdict: "FORWARDED",
    is_reply: false,
    l7: { type: "REQUEST", http: { method: "GET", url: "http://backend/orders", protocol: "HTTP/1.1" } },
  });
  t.same(
    request!.l7!.http!.headers!.map((h) => h.key),
    ["X-Request-Id", "X-Team"],
  );
  t.match(response, {
    is_reply: true,
    reply: true,
    l7: { type: "RESPONSE", http: { code: 503 } },
    Summary: /^HTTP\/1\.1 503 \d+ms \(GET http:\/\/backend\/orders\)$/,
  });
  const latency = Number(response!.l7!.latency_ns) / 1e6;
  t.ok(latency > 14 && latency < 28, `${latency} ms`);
  t.match(response!.source, { pod_name: "backend-yyy" }, "the response's source is the server");
  const refused = await http("method: DELETE");
  t.match(
    refused.map((f) => [f.verdict, f.l7?.http?.code]),
    [
      ["DROPPED", undefined],
      ["FORWARDED", 403],
    ],
  );
  t.equal((await http("method: GET", example("prod.yaml"))).length, 2, "without policy, too");
  const keyed = MANIFESTS.replace('path: "/orders.*" }', 'path: "/orders.*", headers: ["X-Team: shop"] }');
  t.match((await http("method: GET", keyed))[0], { verdict: "DROPPED" }, "a rule that asks for a header");
  t.match((await http("method: GET, headers: { X-Team: shop }", keyed))[0], { verdict: "FORWARDED" });
  const policy = await flows(`visibility: policy\n${one("to: http://backend/orders")}`, example("prod.yaml"));
  t.notOk(
    policy.some((f) => f.l7 !== undefined),
    "unless only what a proxy sees is wanted",
  );
});

t.test("DNS", async (t) => {
  const dns = (await flows("traffic: [{ from: prod/backend-yyy, to: https://api.stripe.com/ }]")).filter(
    (f) => f.l7?.dns !== undefined,
  );
  t.equal(dns.length, 16, "eight queries of the search list, and their answers");
  const [first] = dns;
  t.match(first, {
    Summary: "DNS Query api.stripe.com.prod.svc.cluster.local. A",
    l7: {
      dns: { query: "api.stripe.com.prod.svc.cluster.local.", qtypes: ["A"], observation_source: "proxy" },
    },
  });
  t.match(
    dns.find((f) => f.is_reply),
    {
      Summary:
        "DNS Answer RCode: Non-Existent Domain TTL: 4294967295 (Proxy api.stripe.com.prod.svc.cluster.local. A)",
      l7: { dns: { rcode: 3 } },
    },
  );
  const good = dns.find((f) => f.is_reply && f.l7?.dns?.ips !== undefined)!;
  t.match(good, {
    l7: { dns: { query: "api.stripe.com.", ttl: 300, rrtypes: ["A"] } },
    Summary: /^DNS Answer "203\.0\.113\.\d+" TTL: 300 \(Proxy api\.stripe\.com\. A\)$/,
  });
  const all = await flows("traffic: [{ from: prod/backend-yyy, to: https://api.stripe.com/ }]");
  const out = all.find((f) => f.l4?.TCP !== undefined)!;
  t.match(out, {
    destination_names: ["api.stripe.com"],
    destination: { labels: ["fqdn:*.stripe.com", "reserved:world"] },
  });
  t.ok(out.destination!.identity! > 2 ** 24, "an identity of the node's own");
  const blind = MANIFESTS.replaceAll(', rules: { dns: [{ matchPattern: "*" }] }', "").replace(
    /- &?d?n?s?\s*toEndpoints: \[\{ matchLabels: \{ "k8s:io[^]*?\n(?=---|$)/,
    "\n",
  );
  const lost = await flows(one("to: 'redis.prod:6379'"), blind);
  t.ok(
    lost.length > 0 && lost.every((f) => f.l4?.UDP === undefined || f.verdict === "DROPPED"),
    "queries that policy drops",
  );
});

t.test("Services", async (t) => {
  const sockets = (await flows(one("to: http://backend/orders"))).filter((f) => f.Type === "SOCK");
  t.match(sockets, [
    {
      verdict: "TRACED",
      event_type: { type: 7, sub_type: 1 },
      destination_service: { name: "backend", namespace: "prod" },
      Summary: "TCP",
    },
    { verdict: "TRANSLATED", event_type: { type: 7, sub_type: 2 }, destination: { pod_name: "backend-yyy" } },
  ]);
  const empty = `${example("prod.yaml")}\n---\napiVersion: v1\nkind: Service\nmetadata: { name: empty, namespace: prod }\nspec: { selector: { app: none }, ports: [{ port: 80 }] }\n`;
  const none = (await flows(one("to: 'empty:80'"), empty)).filter((f) => f.l4?.TCP !== undefined);
  t.match(none, [{ verdict: "DROPPED", drop_reason_desc: "SERVICE_BACKEND_NOT_FOUND" }]);
  const proxied = (
    await flows(one("to: 'empty:80'"), empty.replace('kube-proxy-replacement: "true", ', ""))
  ).filter((f) => f.l4?.UDP === undefined);
  t.match(
    proxied.map((f) => f.Summary),
    ["TCP Flags: SYN", "ICMPv4 DestinationUnreachable(Port)"],
    "kube-proxy says no",
  );
});
