/** What is measured: a Corefile, questions, and how they are asked. */
import type { Question } from "./lib/ask.ts";
import { bigService, hotNames, manyNames, outsideNames, searchLists, trace } from "./questions.ts";

export interface Workload {
  readonly name: string;
  readonly title: string;
  /** Where cache, log and the like stand in kubeadm's Corefile. */
  readonly corefile: CorefileChoice;
  readonly questions: () => Question[];
  /** Further flags of dnsperf. */
  readonly dnsperf?: readonly string[];
  /** Response codes that are right; anything else makes a run void. */
  readonly rcodes: readonly string[];
  /** Servers that can serve it, by the Corefile or by something equivalent. */
  readonly servers: readonly string[];
  /** Queries per second of a second measurement, of latency. */
  readonly rate?: number;
}

export interface CorefileChoice {
  /** `all`: 30 seconds for everything. `shipped`: as kubeadm ships it, not for the cluster's own names. `none`: no cache at all. */
  readonly cache: "all" | "shipped" | "none";
  /** Answers that the cache `all` has room for; CoreDNS's default where it is not said. */
  readonly capacity?: number;
  /** Go's profiles are served on this port (CoreDNS). */
  readonly pprof?: number;
  /** Without `forward` and `loop`: nothing is asked of others. */
  readonly isLocal?: boolean;
  /** A line for each query, to a file. */
  readonly log?: boolean;
}

const CLUSTER_SERVERS = ["ours", "ours-dgram", "ours-2-threads", "coredns"];
const ALL_SERVERS = [...CLUSTER_SERVERS, "knot", "unbound", "dns2"];
export const workloads: readonly Workload[] = [
  {
    name: "kubeadm",
    title: "kubeadm's chain, hot names, cached",
    corefile: { cache: "all" },
    questions: hotNames,
    rcodes: ["NOERROR"],
    servers: ALL_SERVERS,
    rate: 20_000,
  },
  {
    name: "shipped",
    title: "the same as kubeadm ships it: the cluster's names not cached",
    corefile: { cache: "shipped" },
    questions: hotNames,
    rcodes: ["NOERROR"],
    servers: CLUSTER_SERVERS,
  },
  {
    name: "no-cache",
    title: "the same without the cache plugin",
    corefile: { cache: "none" },
    questions: hotNames,
    rcodes: ["NOERROR"],
    servers: CLUSTER_SERVERS,
  },
  {
    name: "nxdomain",
    title: "NXDOMAIN along search lists",
    corefile: { cache: "shipped" },
    questions: searchLists,
    rcodes: ["NXDOMAIN"],
    servers: ALL_SERVERS,
  },
  {
    name: "churn",
    title: "100,000 distinct names through the cache",
    corefile: { cache: "all" },
    questions: manyNames,
    rcodes: ["NOERROR"],
    servers: ["ours", "ours-dgram", "coredns"],
  },
  {
    name: "forward",
    title: "forwarded to a local server, never in the cache",
    corefile: { cache: "all" },
    questions: outsideNames,
    rcodes: ["NOERROR"],
    servers: ["ours", "ours-dgram", "coredns", "unbound"],
  },
  {
    name: "srv",
    title: "SRV of a headless Service of 60 endpoints",
    corefile: { cache: "shipped" },
    questions: bigService,
    // With EDNS, as resolvers that ask for SRV have it; 20 in flight, since more replies than that overflow dnsperf's socket.
    dnsperf: ["-e", "-q", "20"],
    rcodes: ["NOERROR"],
    servers: ["ours", "ours-dgram", "coredns", "knot", "unbound"],
  },
  {
    name: "tcp",
    title: "TCP, 10 connections, pipelined",
    corefile: { cache: "all" },
    questions: hotNames,
    dnsperf: ["-m", "tcp", "-c", "10"],
    rcodes: ["NOERROR"],
    servers: ["ours", "coredns", "knot", "unbound"],
  },
  {
    name: "tcp-connect",
    title: "TCP, a connection for each query",
    corefile: { cache: "all" },
    questions: hotNames,
    dnsperf: ["-m", "tcp", "-c", "20", "-q", "20", "-O", "num-queries-per-conn=1"],
    rcodes: ["NOERROR"],
    servers: ["ours", "coredns", "knot", "unbound"],
  },
  {
    name: "trace",
    title: "a cluster's mix",
    corefile: { cache: "shipped" },
    questions: trace,
    rcodes: ["NOERROR", "NXDOMAIN"],
    servers: ["ours", "ours-dgram", "ours-2-threads", "coredns"],
  },
  {
    name: "log",
    title: "kubeadm's chain and `log` to a file",
    corefile: { cache: "all", log: true },
    questions: hotNames,
    rcodes: ["NOERROR"],
    servers: ["ours", "ours-dgram", "coredns"],
  },
];
