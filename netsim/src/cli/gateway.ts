/**
 * `netsim gateway FILES... --listen ADDRESS:PORT`: a real proxy that does to requests what a Gateway's or an IngressClass's objects say,
 * so that `curl` can be used; backends are echo servers made here unless they are named.
 */
import { writeFileSync } from "node:fs";
import type { Controller } from "../gateway/ingress/table.ts";
import { CONTROLLERS } from "../gateway/ingress/table.ts";
import { ingressClasses } from "../gateway/ingress/rules.ts";
import { gatewaysOf } from "../gateway/listeners.ts";
import { loadFiles } from "../model/load.ts";
import type { Cluster } from "../model/types.ts";
import type { Address } from "../proxy/backends.ts";
import { startProxy } from "../proxy/proxy.ts";
import type { Listen } from "../proxy/proxy.ts";
import { createSite } from "../proxy/site.ts";
import type { Served, Site } from "../proxy/site.ts";
import { watchFiles } from "../proxy/watch.ts";
import { loadInput, reportProblems } from "./input.ts";
import { UsageError, choice, readArgs } from "./usage.ts";

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, {
    listen: { type: "string", multiple: true },
    gateway: { type: "string" },
    "ingress-class": { type: "string" },
    controller: { type: "string" },
    backend: { type: "string", multiple: true },
    echo: { type: "boolean" },
    endpoints: { type: "boolean" },
    seed: { type: "string" },
    "ca-file": { type: "string" },
    quiet: { type: "boolean" },
  });
  if (values.listen === undefined)
    throw new UsageError("needs --listen ADDRESS:PORT, for example --listen 127.0.0.1:8080");
  if (values.echo === true && values.endpoints === true)
    throw new UsageError("--echo and --endpoints exclude each other");
  const cluster = loadInput(positionals);
  reportProblems(cluster.problems);
  const controller = choice("controller", values.controller, CONTROLLERS);
  const [name, listener] = (values.gateway ?? "").split("#");
  const served = chooseServed(cluster, values.gateway && name, values["ingress-class"], controller);
  const site = createSite(cluster, served);
  if (site === undefined)
    throw new UsageError(`--gateway: no Gateway ${name} in the input${gatewayNames(cluster)}`);
  const listen = values.listen.map((text, i) => parseListen(text, site, listener, i));
  const err = (text: string): void => void process.stderr.write(`netsim gateway: ${text}\n`);
  const proxy = await startProxy(cluster, {
    served,
    listen,
    backends: new Map((values.backend ?? []).map(parseBackend)),
    endpoints: values.endpoints === true,
    ...(values.seed !== undefined && { random: seeded(parseSeed(values.seed)) }),
    ...(values.quiet !== true && { log: (line: string) => void process.stdout.write(`${line}\n`) }),
    say: err,
  }).catch((error: unknown) => {
    throw new UsageError(`--listen: ${(error as Error).message}`);
  });
  if (proxy === undefined) throw new UsageError(`--gateway: no Gateway ${name} in the input`);
  if (values["ca-file"] !== undefined) {
    try {
      writeFileSync(values["ca-file"], proxy.authority());
    } catch (error) {
      await proxy.close();
      throw new UsageError(`--ca-file: ${(error as Error).message}`);
    }
  }
  for (const { host, port, gatewayPort } of proxy.addresses) {
    const shown = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    err(
      `listening on ${shown} for ${servedText(served)}, port ${gatewayPort} (${site.plan(gatewayPort).kind})`,
    );
  }
  const stopWatching = watchFiles(positionals, () => {
    const next = loadFiles(positionals);
    reportProblems(next.problems);
    err(
      proxy.update(next)
        ? "the input has changed and is read again"
        : "the Gateway is gone: it stays as it was",
    );
  });
  // What a broken client can set off inside Node's own HTTP/2 must not end the proxy for the others.
  const survive = (error: unknown): void => err(`a connection is lost: ${(error as Error).message}`);
  process.on("uncaughtException", survive);
  await signalled();
  process.removeListener("uncaughtException", survive);
  stopWatching();
  await proxy.close();
  return 0;
}

const signalled = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });

function gatewayNames(cluster: Cluster): string {
  const names = gatewaysOf(cluster).map(({ metadata: m }) => `${m.namespace}/${m.name}`);
  return names.length === 0 ? ", which has none" : `, which has ${names.join(", ")}`;
}

/** What the command line names, else the one Gateway or the one class that the input has. */
function chooseServed(
  cluster: Cluster,
  gateway: string | undefined,
  className: string | undefined,
  controller: Controller | undefined,
): Served {
  if (gateway !== undefined && gateway !== "" && className !== undefined)
    throw new UsageError("--gateway and --ingress-class exclude each other");
  if (className !== undefined) return { kind: "ingress", className, controller };
  const gateways = gatewaysOf(cluster);
  const only = gateways.length === 1 ? gateways[0]?.metadata : undefined;
  if (gateway !== undefined && gateway !== "") {
    const [namespace = "", name = ""] = gateway.split("/");
    return { kind: "gateway", namespace, name };
  }
  if (only !== undefined) return { kind: "gateway", namespace: only.namespace, name: only.name };
  const classes = ingressClasses(cluster);
  if (gateways.length === 0 && classes.length === 1)
    return { kind: "ingress", className: classes[0] ?? "", controller };
  throw new UsageError(
    `needs --gateway NAMESPACE/NAME or --ingress-class CLASS: the input has ${gateways.length} Gateways and ${classes.length} classes of Ingresses`,
  );
}

const servedText = (served: Served): string =>
  served.kind === "gateway"
    ? `Gateway ${served.namespace}/${served.name}`
    : `Ingresses of class ${JSON.stringify(served.className)}`;

/** `127.0.0.1:8080`, `:8080`, `[::1]:8443=443`: behind the equals sign the port of the Gateway that it stands for. */
function parseListen(text: string, site: Site, listener: string | undefined, index: number): Listen {
  const parts = /^(\[[^\]]+\]|[^:=[\]]*):(\d{1,5})(?:=(\d{1,5}))?$/.exec(text);
  const [, host = "", port, wanted] = parts ?? [];
  if (parts === null || Number(port) > 65_535)
    throw new UsageError(`--listen ${text}: write ADDRESS:PORT or ADDRESS:PORT=GATEWAYPORT`);
  const named =
    listener === undefined ? undefined : site.table?.listeners.find((l) => l.name === listener)?.port;
  if (listener !== undefined && named === undefined)
    throw new UsageError(`--gateway: there is no listener ${listener}`);
  const gatewayPort = wanted === undefined ? (named ?? site.ports[index]) : Number(wanted);
  if (gatewayPort === undefined || (site.table !== undefined && !site.ports.includes(gatewayPort)))
    throw new UsageError(`--listen ${text}: the Gateway's listeners have the ports ${site.ports.join(", ")}`);
  return { host: host === "" ? "127.0.0.1" : host.replace(/^\[|\]$/g, ""), port: Number(port), gatewayPort };
}

/** `shop/web:80=127.0.0.1:3000`. */
function parseBackend(text: string): [string, Address] {
  const parts = /^([^/:=]+\/[^/:=]+:\d{1,5})=(\[[^\]]+\]|[^:=[\]]+):(\d{1,5})$/.exec(text);
  const [, name = "", host = "", port] = parts ?? [];
  if (parts === null || Number(port) > 65_535)
    throw new UsageError(`--backend ${text}: write NAMESPACE/SERVICE:PORT=ADDRESS:PORT`);
  return [name, { host: host.replace(/^\[|\]$/g, ""), port: Number(port) }];
}

function parseSeed(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--seed ${text}: must be a whole number`);
  return Number(text);
}

/** The same numbers for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
