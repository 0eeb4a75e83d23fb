/** `clusterdns node-cache`: the cache that Kubernetes runs on every node, with the flags of its node-cache. */
import { isIP } from "node:net";
import { createOutput } from "../log/output.ts";
import { createRegistry, type Registry as MetricsRegistry } from "../metrics/metrics.ts";
import { metricsPage } from "../metrics/page.ts";
import { nativeBinding } from "../native/binding.ts";
import { isInPath, run as runCommand } from "../nodelocal/command.ts";
import { serviceVariable } from "../nodelocal/corefile.ts";
import { offer, takeOver, type Offer, type Predecessor } from "../nodelocal/handover.ts";
import { createIptables } from "../nodelocal/iptables.ts";
import { createJournal, type Journal } from "../nodelocal/journal.ts";
import { createLink } from "../nodelocal/link.ts";
import { createMaker } from "../nodelocal/maker.ts";
import { createNftables } from "../nodelocal/nftables.ts";
import { FLAGS, readOptions, type Options } from "../nodelocal/options.ts";
import { rulesFor, type Firewall } from "../nodelocal/rules.ts";
import { createDescriptors } from "../server/descriptors.ts";
import { createHttpHost } from "../server/http.ts";
import type { Registry } from "../server/registry.ts";
import type { Server } from "../server/server.ts";
import { packageVersion, versionLines } from "../version.ts";
import { checkCorefile } from "./check.ts";
import { parseFlags, usage, type FlagSpec } from "./flags.ts";
import { runProcess } from "./process.ts";
import { pluginNames, sourceOf } from "./serve.ts";

/** Milliseconds between two looks at the template and the ConfigMap. */
const CONFIG_INTERVAL = 10_000;
/** Milliseconds until the rules are made where a pidfile is: a server that ends at once, since it finds a loop, has made none. */
const FIRST_LOOK = 1000;

export async function run(argv: readonly string[], registry: Registry): Promise<number> {
  const metrics = createRegistry();
  const journal = createJournal(metrics.scope("nodecache"));
  journal.write("info", `Starting node-cache: clusterdns ${packageVersion()}`);
  const specs: FlagSpec[] = FLAGS.map(({ default: fallback, ...spec }) =>
    fallback === "" ? spec : { ...spec, default: fallback },
  );
  const help = usage("clusterdns node-cache", specs);
  const flags = parseFlags(argv, specs);
  if (flags.kind === "help") return say(help, 0);
  if (flags.kind === "error") return say(`${flags.message}\n${help}`, 2);
  const options = readOptions(flags.values);
  if ("problem" in options) {
    if (options.exit === 2) return say(`${options.problem}\n${help}`, 2);
    journal.write("fatal", options.problem);
    return 1;
  }
  // Nothing has been touched yet where only a question was asked.
  if (flags.rest.length > 0) return say(`extra command line arguments: [${flags.rest.join(" ")}]\n`, 1);
  const list =
    flags.values["version"] === "true"
      ? versionLines()
      : flags.values["plugins"] === "true"
        ? [...pluginNames(registry), ""]
        : undefined;
  if (list !== undefined) {
    process.stdout.write(`${list.join("\n")}\n`);
    return 0;
  }
  return serve(options, registry, metrics, journal);
}

/** How long the end waits for a process that is about to take over: milliseconds. */
const TAKEOVER_LIMIT = 10_000;

async function serve(
  options: Options,
  registry: Registry,
  metrics: MetricsRegistry,
  journal: Journal,
): Promise<number> {
  const { corefile, interfaceName, port, pidfile, quiet } = options;
  const name = `clusterdns-node-cache:${interfaceName}`;
  const predecessor = await findPredecessor(name, journal);
  const descriptors = createDescriptors(predecessor?.sockets);

  const http = createHttpHost(descriptors);
  // The empty address means any port, as for Go.
  await http
    .serve(options.metricsAddress || ":0", "/metrics", async () => {
      const { body, type } = await metricsPage(metrics);
      return { status: 200, type, body };
    })
    .catch((error: Error) => journal.error(`Failed to start metrics handler: ${error.message}`));

  const make = createMaker(
    {
      ...options,
      clusterDns: findClusterDns(options.upstreamService, journal),
      check: (text) => findFault(text, options, registry),
    },
    journal,
  );
  await make();
  const link = createLink(interfaceName, options.addresses, runCommand, journal);
  if (options.setUpInterface) await link.ensure();
  const firewall = options.setUpRules ? createFirewall(options, journal) : undefined;

  const output = await createOutput("text");
  journal.continueWith(output.write);
  const look = repeat(options.syncInterval, async () => {
    await firewall?.ensure();
    if (options.setUpInterface) await link.ensure();
  });
  const watch = repeat(CONFIG_INTERVAL, async () => {
    if (!(await make()) || !options.reloadAtOnce) return;
    journal.write("info", `Sending reload signal to PID ${process.pid}`);
    process.kill(process.pid, "SIGUSR1");
  });
  let serving = false;
  let offered: Offer | undefined;

  const stopLooking = (): Promise<unknown> => Promise.all([look.stop(), watch.stop()]);

  const offerTo = (server: Server): void => {
    offered = offer(name, {
      sockets: () => descriptors.held(),
      letGo() {
        void stopLooking();
        void server.retire();
        void http.close();
        journal.write("info", "Another process has taken over: interface and rules are its own now");
      },
      abandoned() {
        journal.error("The process that took over has ended: ending, to be started again");
        output.flush();
        process.exit(1);
      },
    });
    if (offered === undefined && nativeBinding().binding !== undefined)
      journal.write("warning", "Another node-cache serves on this node: none can take over from this one");
  };

  process.on("SIGUSR2", () =>
    journal.write("warning", "SIGUSR2: start the new program beside this one, and it takes over"),
  );
  return runProcess({
    source: sourceOf(corefile),
    registry,
    output,
    port,
    pidfile,
    quiet,
    metrics,
    descriptors,
    listening(server) {
      serving = true;
      descriptors.closeUnclaimed();
      void Promise.resolve(predecessor?.ready()).then(() => offerTo(server));
      look.start(pidfile === undefined ? options.syncInterval : FIRST_LOOK);
      watch.start(CONFIG_INTERVAL);
    },
    async teardown() {
      if (offered !== undefined && (await within(TAKEOVER_LIMIT, offered.settled()))) return;
      offered?.close();
      await stopLooking();
      if (options.skipTeardown) return;
      // Where nothing was served, only what this process made goes: the rest may be in use.
      if (!serving && !link.made) return;
      journal.write("info", "Tearing down");
      if (serving) await firewall?.remove();
      if (options.setUpInterface) await link.remove();
    },
  });
}

async function findPredecessor(name: string, journal: Journal): Promise<Predecessor | undefined> {
  const { binding, reason } = nativeBinding();
  if (binding === undefined) {
    journal.write(
      "warning",
      `The native socket is not there (${reason}): no upgrade without an outage: where another node-cache serves, this one can't start until that has ended`,
    );
    return undefined;
  }
  try {
    const found = await takeOver(name);
    if (found !== undefined) journal.write("info", "Taking over from the node-cache that serves");
    return found;
  } catch (error) {
    journal.write(
      "warning",
      `The node-cache that serves does not hand over: ${(error as Error).message}: the two share the queries until it ends`,
    );
    return undefined;
  }
}

function findClusterDns(service: string, journal: Journal): string | undefined {
  const variable = serviceVariable(service);
  const value = process.env[variable] ?? "";
  if (isIP(value) !== 0) return value;
  journal.write(
    "warning",
    `Unable to lookup IP address of Upstream service ${service}, env $${variable} \`${value}\``,
  );
  return undefined;
}

async function findFault(
  text: string,
  { corefile, port }: Options,
  registry: Registry,
): Promise<string | undefined> {
  const { errors } = await checkCorefile({ text, file: corefile, env: process.env, port }, registry);
  return errors[0]?.message;
}

function createFirewall({ addresses, family, port, healthPort }: Options, journal: Journal): Firewall {
  const program = family === 6 ? "ip6tables" : "iptables";
  if (isInPath("nft") && !isInPath(program)) {
    journal.write("info", `There is no ${program}: the rules are made by nft`);
    return createNftables(addresses, port, healthPort, runCommand, journal);
  }
  const rules = addresses.flatMap((address) => rulesFor(address, port, healthPort));
  return createIptables(program, rules, runCommand, journal);
}

/** Something that is done again and again, once at a time. */
function repeat(interval: number, act: () => Promise<void>) {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  const arm = (delay: number): void => {
    timer = setTimeout(() => {
      running = act().then(() => {
        if (!stopped) arm(interval);
      });
    }, delay);
  };
  return {
    start: arm,
    stop(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      return running;
    },
  };
}

/** What the promise becomes, or false where it takes longer. */
async function within(milliseconds: number, promise: Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), milliseconds)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function say(text: string, code: number): number {
  process.stderr.write(text);
  return code;
}
