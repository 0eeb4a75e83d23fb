/**
 * What the threads report, as statements about the facts that a run measures: `broken` first, `mended` second. Written from the
 * threads and from the standards that they rest on, not from what the exhibits print.
 */
import type { Expected } from "./support.ts";
import { all, number } from "./support.ts";

export const names: Expected = {
  "five-seconds": [
    [
      "lookups take 5 s, no more than the resolver's one timeout",
      (b) => number(b, "longest_ms") >= 5000 && number(b, "longest_ms") < 5100,
    ],
    [
      "it is a minority of them",
      (b) => number(b, "slow") > 0 && number(b, "slow") < number(b, "lookups") / 3,
    ],
    [
      "4.19 saves those with the same endpoint only: half, with two",
      (b) => number(b, "slow_on_4_19") > 0 && number(b, "slow_on_4_19") < number(b, "slow"),
    ],
    ["each of the three remedies takes all of them away", (_, m) => all(m, "slow_", (n) => n === 0)],
  ],
  "ndots-five": [
    ["Zalando: 10 queries for each lookup of an outside name", (b) => b["queries"] === 10],
    [
      "ndots:1 takes 80 % of them away",
      (b, m) => number(m, "queries_ndots_1") === number(b, "queries") * 0.2,
    ],
    ["a name with its final dot is asked as it is, for A and AAAA", (_, m) => m["queries_final_dot"] === 2],
  ],
  "musl-parallel": [
    ["musl fails where glibc finds", (b) => b["found"] === false && b["glibc_found"] === true],
    ["the second nameserver is asked as well", (b) => number(b, "questions_to_the_cloud") > 0],
    ["with the cluster's DNS alone it works", (_, m) => m["found"] === true],
  ],
  "musl-no-tcp": [
    ["truncated, and not retried over TCP", (b) => number(b, "truncated") > 0 && b["tcp"] === 0],
    ["addresses are missing", (b) => number(b, "addresses") < number(b, "of")],
    [
      "glibc has all of them, musl 1.2.4 and later too",
      (b, m) => m["glibc"] === b["of"] && m["addresses"] === b["of"],
    ],
  ],
  "aaaa-nxdomain": [
    ["A has data while AAAA denies the name", (b) => b["a"] === "NOERROR" && b["aaaa"] === "NXDOMAIN"],
    [
      "the strict resolver drops the address, the lenient one does not",
      (b) => b["musl_found"] === false && b["glibc_found"] === true,
    ],
    ["NODATA leaves it alone", (_, m) => m["aaaa"] === "NODATA" && m["musl_found"] === true],
  ],
  "template-servfail": [
    ["SERVFAIL for what does not match", (b) => number(b, "servfail") > 0 && b["found"] === 0],
    ["stopped by fallthrough", (_, m) => m["servfail"] === 0 && number(m, "found") > 0],
  ],
  "aaaa-flood": [
    [
      "about half of all queries (49.6 % in the report)",
      (b) => Math.abs(number(b, "aaaa_percent") - 50) <= 1,
    ],
    ["SERVFAIL comes of them", (b) => number(b, "servfail") > 0],
    ["answered locally, none goes upstream", (_, m) => m["aaaa_upstream"] === 0 && m["servfail"] === 0],
  ],
  "forwarding-loop": [
    [
      "one question is seen more than twice, which is what the loop plugin calls a loop",
      (b) => number(b, "trips") > 2,
    ],
    [
      "it grows without end: a copy for each trip is held",
      (b) => number(b, "waiting") >= number(b, "trips") - 1 && number(b, "trips") > 100,
    ],
    ["the true upstream ends it", (_, m) => m["trips"] === 0],
  ],
  "autopath-unverified": [
    ["four names, each for A and AAAA, as if there were no autopath", (b) => b["queries"] === 8],
    ["pods verified makes it two", (_, m) => m["queries"] === 2],
    ["the client's address must be the pod's", (b) => b["queries_behind_a_node"] === 8],
  ],
  "negative-cache": [
    ["almost exactly 30 s", (b) => number(b, "dark_ms") >= 28_000 && number(b, "dark_ms") <= 31_000],
    ["cache 5 makes it 5", (_, m) => number(m, "dark_ms_with_5s") <= 5500],
    ["who did not ask before has no trouble", (b) => number(b, "late_asker_ms") < 1000],
  ],
  "frozen-watch": [
    [
      "NXDOMAIN for what was made in the window, NOERROR before and after",
      (b) => b["before"] === "NOERROR" && b["in_the_gap"] === "NXDOMAIN" && b["after"] === "NOERROR",
    ],
    ["nothing tells that anything is missing", (b) => b["version_reached"] === b["version_newest"]],
    ["permanent: an hour at least", (b) => number(b, "since_ms") >= 3_600_000],
    ["a restart heals it", (_, m) => m["in_the_gap"] === "NOERROR"],
  ],
  "serve-stale": [
    [
      "the very first reply is stale, the second is not",
      (b) => b["second"] === "192.0.2.1" && b["third"] === "192.0.2.2",
    ],
    ["verify asks the upstream before", (_, m) => m["second"] === "192.0.2.2"],
    ["and still covers an outage", (_, m) => m["upstream_gone"] === "192.0.2.2"],
  ],
  "wildcard-search": [
    [
      "the pod gets the wildcard's address, its node the right one",
      (b) => b["in_pod"] !== b["right"] && b["on_node"] === b["right"],
    ],
    ["a final dot helps", (b, m) => m["with_final_dot"] === b["right"] && m["in_pod"] === b["right"]],
  ],
  "pps-1024": [
    [
      "AWS takes 1024 packets a second from an interface",
      (b) => b["quota"] === 1024 && number(b, "packets") > 1024,
    ],
    ["what is above it is dropped, exactly", (b) => b["dropped"] === number(b, "packets") - 1024],
    ["clients see timeouts", (b) => number(b, "slow") > 0 && number(b, "longest_ms") >= 2000],
    ["DNS pods on two nodes are below it", (_, m) => m["dropped"] === 0],
  ],
  "nodelocal-upgrade": [
    ["around 20 seconds", (b) => number(b, "dark_s") >= 18 && number(b, "dark_s") <= 22],
    ["lookups fail", (b) => number(b, "failed") > 0],
    ["with a second instance on the port none does", (_, m) => m["failed"] === 0 && m["slow"] === 0],
  ],
  "rollout-lost": [
    [
      "clients wait 5 s for their resolver to try again",
      (b) => number(b, "slow") > 0 && number(b, "longest_ms") >= 5000,
    ],
    ["rules take 1 to 10 s to follow", (b) => number(b, "lag_ms") >= 1000 && number(b, "lag_ms") <= 10_000],
    ["a lameduck of 5 to 10 s takes the failures away", (_, m) => m["slow"] === 0],
  ],
  "unbounded-forward": [
    ["held queries grow with the clients", (b) => number(b, "held_by_many") === 4 * number(b, "held_by_few")],
    ["nobody is refused", (b) => b["refused"] === 0],
    [
      "max_concurrent bounds them, with REFUSED",
      (b, m) => number(m, "held_by_many") < number(b, "held_by_few") && number(m, "refused") > 0,
    ],
  ],
  "headless-not-ready": [
    [
      "no pod gets ready, for as long as it is watched",
      (b) => b["ready"] === 0 && b["answer"] === "NXDOMAIN",
    ],
    ["with publishNotReadyAddresses all do", (_, m) => m["ready"] === 3],
  ],
  "host-network": [
    [
      "the node's resolver is asked, not the cluster's",
      (b) => b["verdict"] === "nxdomain" && b["asked"] !== "10.96.0.10",
    ],
    ["ClusterFirstWithHostNet finds the Service", (_, m) => m["verdict"] === "allow"],
  ],
  "wrong-cluster-dns": [
    ["names do not resolve at all", (b) => b["answered"] === 0 && b["found"] === false],
    ["two rounds of 5 s for each name, at least", (b) => number(b, "wait_ms") >= 10_000],
    ["the right address mends it", (_, m) => m["found"] === true],
  ],
  "jvm-forever": [
    ["DNS has the new address all the time", (b) => b["dns"] === "10.244.2.21"],
    [
      "-1 is for ever: all writes since the replacement fail",
      (b) => number(b, "failed") === number(b, "of") - 2,
    ],
    ["30 s, the JVM's default without a SecurityManager, are short enough", (_, m) => m["failed"] === 0],
  ],
  "search-dot": [
    [
      "alpine:3.16.2 (musl 1.2.3) fails, ubuntu does not",
      (b) => b["found"] === false && b["glibc_found"] === true,
    ],
    ["the name itself is never asked for", (b) => b["asked_itself"] === false],
    ["without the dot it is found", (_, m) => m["found"] === true && m["found_by_1_2_5"] === true],
  ],
  "musl-long-search": [
    ["a line of more than 256 bytes is ignored", (b) => number(b, "line") >= 256 && b["asked"] === "db."],
    ["glibc does not care", (b) => b["glibc_found"] === true && b["found"] === false],
    ["a shorter line is read", (_, m) => number(m, "line") < 256 && m["found"] === true],
  ],
};
