/**
 * What Kubernetes' node-cache did, run by run, against ours: in a network namespace, with the system's own interfaces and rules. Runs that differ only in
 * their Corefile are in corefile.test.ts; here CLUSTERDNS_ALL_RECORDS=1 adds them and the slow ones, and CLUSTERDNS_RECORDS=ID,... chooses.
 */
import t from "tap";
import {
  addressesOf,
  corefileOf,
  records,
  rulesOf,
  type Record,
  type Reply,
  type Snapshot,
} from "./record.ts";
import { enterNamespace, noNamespaces, sh } from "./namespace.ts";
import { replay, type Replayed } from "./replay.ts";
import { clusterZone, resolverZone, serveZone, stubZone } from "./upstreams.ts";

enterNamespace(import.meta.url);
t.setTimeout(process.env["CLUSTERDNS_ALL_RECORDS"] === "1" ? 1_800_000 : 300_000);

/** Runs that are others with us, on purpose: docs/node-cache.md says why, node-cache.test.ts shows what happens instead. */
const OTHERWISE: { readonly [id: string]: string } = {
  "flag-syncinterval-30s": "a duration is a duration",
  "flag-conf-absent": "-corefile counts",
  "flag-conf-absent-cwd-corefile": "-corefile counts",
  "signal-usr2": "a new process takes over as soon as it is started",
  "second-instance": "the second one takes over, and the first one ends after it, to be started again",
  "cm-stub-empty-list": "a ConfigMap ends no process",
  "cm-stub-cluster-domain": "a ConfigMap ends no process",
};

/** Of these the interface stays with the real one, though they never served; with us it goes again. */
const LEFT_BEHIND = new Set([
  ...["flag-extra-args", "flag-syncinterval-0", "flag-version", "flag-plugins"],
  ...["upstream-env-bad", "corefile-unwritable", "base-dir-missing", "base-unknown-plugin"],
  ...["port-taken-udp", "port-taken-tcp", "health-port-taken", "loop-plugin", "localip-duplicate"],
  "ipv6-linklocal",
]);
/** Only a question, or a mistake in the flags: we write no Corefile and make no rules for that. */
const NO_START = new Set(["flag-extra-args", "flag-syncinterval-0", "flag-version", "flag-plugins"]);
/** Their `running` was seen while the real one was still making its rules, a call of iptables every 100 ms. */
const HALF_WAY = new Set([
  ...["cm-stub-bad-domain", "cm-stub-tls", "cm-stub-bad-json", "cm-stub-hostname", "cm-stub-port-bad"],
  ...["cm-upstream-name", "cm-upstream-empty", "cm-upstream-4", "cm-federations", "cm-federations-bad"],
  ...["cm-unknown-key", "rule-duplicates", "health-port-out-of-range", "no-net-admin-set-up"],
  "iptables-locked",
]);
/** Rules that the real one fails to remove. */
const LEFT_RULES = new Set(["iptables-old-1.4.10", "iptables-locked-teardown"]);
/** One of two servers answers, by chance. */
const isChance = (id: string, name: string): boolean => id === "cm-tcp-block" || name === "y.corp.example.";

/** One run of each kind. */
const USUAL = [
  ...["flag-help", "flag-extra-args", "basic@nft", "two-localips@nft", "no-setupiptables", "ipv6"],
  ...["skipteardown-restart@nft", "sync-restores@nft", "iface-exists-other-addr@nft", "rule-duplicates"],
  ...["iptables-missing", "iptables-old-1.4.21", "signal-int-twice@nft", "loop-plugin"],
  "base-missing-old-corefile",
];
const chosen =
  process.env["CLUSTERDNS_ALL_RECORDS"] === "1"
    ? records.map(({ id }) => id)
    : (process.env["CLUSTERDNS_RECORDS"]?.split(",") ?? USUAL);

const WITHOUT_NET_ADMIN = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"];

t.test("recorded runs", { skip: noNamespaces }, async (t) => {
  for (const address of ["10.96.0.11", "10.96.0.53", "10.96.0.54"]) sh(`ip addr add ${address}/32 dev lo`);
  sh("ip addr add fd00:96::11/128 dev lo nodad");
  sh("mount -t tmpfs tmpfs /run; touch /run/resolv.conf; mount --bind /run/resolv.conf /etc/resolv.conf");
  // What one run closes keeps no port from the next.
  sh("echo 0 > /proc/sys/net/ipv4/tcp_max_tw_buckets");
  await serveZone("10.96.0.11", clusterZone);
  await serveZone("fd00:96::11", clusterZone);
  await serveZone("10.96.0.53", resolverZone);
  await serveZone("10.96.0.54", stubZone);
  for (const record of records) {
    if (!chosen.includes(record.id) || OTHERWISE[record.id] !== undefined) continue;
    const got = await replay(record, {
      wrapper: record.id.startsWith("no-net-admin") ? WITHOUT_NET_ADMIN : [],
      // Only the old iptables has a lock.
      legacy: record.id.startsWith("iptables-locked"),
    });
    const wrong = differences(record, got);
    if (wrong.length > 0) for (const line of got.log.split("\n")) t.comment(line);
    t.same(wrong, [], `${record.id}: ${record.what}`);
  }
});

function differences(record: Record, got: Replayed): string[] {
  const { observed, id } = record;
  const wrong: string[] = [];
  const compare = (what: string, want: unknown, have: unknown): void => {
    if (JSON.stringify(want) !== JSON.stringify(have))
      wrong.push(`${what}: want ${JSON.stringify(want)}, got ${JSON.stringify(have)}`);
  };
  compare("exit", observed.exit, got.exit);
  const wanted: { [name: string]: Snapshot } = { ...observed.snapshots };
  if (observed.steps.some(([, what, name]) => what === "snap" && name === "running"))
    wanted["running"] = observed;
  for (const [name, want] of Object.entries(wanted)) {
    const have = got.snapshots[name]!;
    const links = addressesOf(want["ip addr"]);
    if (LEFT_BEHIND.has(id)) delete links["nodelocaldns"];
    compare(`${name}: ip addr`, links, addressesOf(have["ip addr"]));
    if (NO_START.has(id)) continue;
    compare(`${name}: Corefile`, corefileOf(want.corefile), corefileOf(have.corefile));
    if ((name === "running" && HALF_WAY.has(id)) || LEFT_RULES.has(id)) continue;
    for (const save of ["iptables-save", "ip6tables-save"] as const)
      compare(`${name}: ${save}`, rulesOf(want[save]), rulesOf(have[save]));
  }
  observed.queries.forEach(({ q, r }, i) => {
    if (isChance(id, q.name)) return;
    compare(`${q.name} ${q.type} at ${q.to} by ${q.proto}`, shown(r), shown(got.replies[i]!));
  });
  for (const [url, series] of Object.entries(observed.metrics))
    if (!HALF_WAY.has(id) || id.startsWith("cm-")) compare(url, series, got.metrics[url]);
  const statuses = observed.steps.filter(([, what]) => what === "http").map(([, , , status]) => status);
  compare("http", statuses, got.http);
  return wrong;
}

const shown = ({ timeout, rcode, flags, answer, authority }: Reply): unknown =>
  timeout === true ? "silence" : { rcode, flags, answer, authority };
