/** What is wrong with the cluster's Corefile though it may be read. */
import { parseAddress } from "../../service/address.ts";
import type { Context } from "../context.ts";
import { evidence, listText, placeOf } from "../place.ts";
import { coreDnsPlugin, coredns, k8s, thread } from "../sources.ts";
import { fix } from "../fix.ts";
import type { Check, Draft } from "../types.ts";
import {
  argumentsOf,
  clusterCorefile,
  nodeLocalCorefile,
  corefileFix,
  directives,
  onCorefile,
  optionsOf,
  quoted,
  rootBlocks,
  withDirective,
  withLine,
  withoutDirective,
  withWord,
  type CorefileParts,
} from "./corefile.ts";

export const corefileInvalid: Check = {
  id: "NS/corefile",
  title: "The Corefile cannot be read",
  severity: "error",
  why: "A Corefile with a fault is refused: a running server keeps the old one, and one that is restarted does not start.",
  sources: [coredns(7078), coreDnsPlugin("reload")],
  run: async (context) => {
    const corefiles = [await clusterCorefile(context), await nodeLocalCorefile(context)];
    return corefiles.flatMap((corefile) => (corefile === undefined ? [] : faultsOf(corefile)));
  },
};

function faultsOf(corefile: CorefileParts): Draft[] {
  return corefile.errors.map((error): Draft => {
    const message = error.message.replace(/^[^:]*:\d+: /, "");
    const meant = /did you mean "?([\w-]+)"?\??/.exec(message)?.[1];
    const word = /"([^"]+)"/.exec(message)?.[1] ?? /directive:? '?([\w-]+)'?/.exec(message)?.[1];
    const text = meant === undefined ? "correct this line" : `write ${meant}`;
    return {
      message,
      at: corefile.placeOf(error.line),
      evidence: [evidence(quoted(corefile, error.line), corefile.placeOf(error.line))],
      fix:
        meant === undefined || word === undefined
          ? fix(text)
          : corefileFix(corefile, text, withWord(corefile, error.line, word, meant)),
      cause: quoted(corefile, error.line),
    };
  });
}

export const forwardLoop: Check = {
  id: "NS/corefile-loop",
  title: "The cluster's DNS forwards to itself",
  severity: "error",
  why: "What it does not know it asks itself, again and again: with the loop plugin it stops at the start, without it it goes on until memory ends.",
  sources: [coreDnsPlugin("loop"), coredns(2087), coredns(4289), thread("kubernetes/kubeadm", 1162)],
  run: onCorefile((corefile, context) => {
    const own = new Set((context.dns?.spec.clusterIPs ?? []).concat(podAddresses(context)));
    return directives(corefile, "forward").flatMap(({ line }): Draft[] => {
      const targets = argumentsOf(line).slice(1);
      const self = targets.filter((t) => {
        const host = t.replace(/^\w+:\/\//, "").replace(/^\[?([^\]]*?)\]?(?::\d+)?$/, "$1");
        const address = parseAddress(host);
        return address !== undefined && (own.has(address.text) || /^127\.|^::1$/.test(address.text));
      });
      const [first] = self;
      if (first === undefined) return [];
      const at = line.tokens[0]?.line ?? 1;
      return [
        {
          message: `forward sends queries to ${listText(self)}, which is the DNS server itself`,
          at: corefile.placeOf(at),
          evidence: [
            evidence(quoted(corefile, at), corefile.placeOf(at)),
            ...(context.dns === undefined || !own.has(first)
              ? [evidence(`${first} in a pod is the pod itself`)]
              : [
                  evidence(
                    `${first} is the DNS Service's address, or one of its pods'`,
                    placeOf(context.dns),
                  ),
                ]),
          ],
          fix: corefileFix(
            corefile,
            "forward to the nodes' resolver",
            withWord(corefile, at, first, "/etc/resolv.conf"),
          ),
        },
      ];
    });
  }),
};

const podAddresses = (context: Context): readonly string[] =>
  context.dns === undefined
    ? []
    : context.slicesOf(context.dns).flatMap((s) => s.endpoints.flatMap((e) => e.addresses));

/** A plugin that is missing from the block for the world's names. */
const missing = (
  name: string,
  message: string,
  wanted: (corefile: CorefileParts, context: Context) => string | undefined,
  added = name,
): Check["run"] =>
  onCorefile((corefile, context) => {
    if (directives(corefile, name).length > 0) return [];
    const [root] = rootBlocks(corefile);
    const why = root === undefined ? undefined : wanted(corefile, context);
    if (root === undefined || why === undefined) return [];
    return [
      {
        message,
        at: corefile.placeOf(root.line),
        evidence: [evidence(why, corefile.placeOf(root.line))],
        fix: corefileFix(corefile, `add ${name}`, withDirective(corefile, root, added)),
      },
    ];
  });

/** Whether pods of the DNS server are probed at that port. */
function probed(context: Context, port: number): boolean {
  const pods = context.dns === undefined ? [] : context.selected(context.dns);
  return pods.some((p) =>
    p.spec.containers.some((c) =>
      [c.readinessProbe, c.livenessProbe].some((probe) => probe?.httpGet?.port === port),
    ),
  );
}

export const readyMissing: Check = {
  id: "NS/corefile-ready",
  title: "The Corefile has no ready plugin",
  severity: "warning",
  why: "Without `ready` a DNS pod counts as ready before it has the cluster's names, and answers NXDOMAIN for Services that exist; where the Deployment probes port 8181 it never gets ready.",
  sources: [coreDnsPlugin("ready"), k8s(57111), coredns(5274)],
  run: missing("ready", "no block has `ready`: the readiness probe has nothing to ask", (_, context) =>
    probed(context, 8181)
      ? "the pods are probed at port 8181, where nobody listens"
      : "no block serves port 8181",
  ),
};

export const healthMissing: Check = {
  id: "NS/corefile-health",
  title: "The Corefile has no health plugin",
  severity: "warning",
  why: "Without `health` nobody notices a DNS server that hangs, and it ends without lameduck: queries that come during a rollout are lost.",
  sources: [coreDnsPlugin("health"), coredns(5834)],
  run: missing(
    "health",
    "no block has `health`: the liveness probe has nothing to ask",
    (_, context) =>
      probed(context, 8080)
        ? "the pods are probed at port 8080, where nobody listens"
        : "no block serves port 8080",
    "health {\n    lameduck 5s\n}",
  ),
};

export const loopMissing: Check = {
  id: "NS/corefile-no-loop",
  title: "The Corefile has no loop plugin",
  severity: "note",
  why: "Where /etc/resolv.conf of a node names a local stub (systemd-resolved's 127.0.0.53), forward asks itself. `loop` finds that at the start, instead of the server running out of memory.",
  sources: [coreDnsPlugin("loop"), coredns(2087), thread("kubernetes/kubeadm", 1162)],
  run: missing("loop", "forward follows the nodes' /etc/resolv.conf, and no block has `loop`", (corefile) => {
    const { line } =
      directives(corefile, "forward").find(({ line: l }) => argumentsOf(l).includes("/etc/resolv.conf")) ??
      {};
    return line === undefined ? undefined : quoted(corefile, line.tokens[0]?.line ?? 1);
  }),
};

const withDot = (name: string): string => (name.endsWith(".") ? name : `${name}.`).toLowerCase();

export const zoneMismatch: Check = {
  id: "NS/corefile-zone",
  title: "The kubernetes plugin serves another domain than the cluster's",
  severity: "error",
  why: "Kubelets write their clusterDomain into pods' search lists. Names below it that the kubernetes plugin has no zone for are forwarded to the world outside, which has never heard of them.",
  sources: [coreDnsPlugin("kubernetes")],
  run: onCorefile((corefile, context) => {
    const { clusterDomain } = context.kubelet;
    const lines = directives(corefile, "kubernetes");
    const [first] = lines;
    const zonesOf = ({ block, line }: (typeof lines)[number]): readonly string[] => {
      const words = argumentsOf(line);
      return words.length > 0 ? words : block.keys.map((k) => k.zone);
    };
    if (first === undefined) return [];
    const zones = lines.flatMap(zonesOf).map(withDot);
    if (
      zones.some((z) => withDot(clusterDomain) === z || z === "." || withDot(clusterDomain).endsWith(`.${z}`))
    )
      return [];
    const at = first.line.tokens[0]?.line ?? 1;
    const forward = zonesOf(first).find((z) => !/\.arpa\.?$/.test(z));
    const [kubelet] = context.others("KubeletConfiguration");
    return [
      {
        message: `kubernetes serves ${listText(zones.filter((z) => !z.endsWith(".arpa.")))} and pods search ${clusterDomain}`,
        at: corefile.placeOf(at),
        evidence: [
          evidence(quoted(corefile, at), corefile.placeOf(at)),
          evidence(
            kubelet === undefined
              ? "kubelets' default is cluster.local"
              : `the kubelets' clusterDomain is ${clusterDomain}`,
            ...(kubelet === undefined ? [] : [placeOf(kubelet, ["clusterDomain"])]),
          ),
        ],
        fix:
          forward === undefined
            ? fix(`name ${clusterDomain} as the zone of kubernetes`)
            : corefileFix(corefile, `serve ${clusterDomain}`, withWord(corefile, at, forward, clusterDomain)),
      },
    ];
  }),
};

export const autopathPods: Check = {
  id: "NS/autopath-pods",
  title: "autopath without pods verified",
  severity: "warning",
  why: "autopath finds the search list of whoever asks by its pod's address, which the kubernetes plugin has only with `pods verified`. Without it, autopath does nothing and says nothing.",
  sources: [coreDnsPlugin("autopath"), thread("adampetrovic/home-ops", 3387)],
  run: onCorefile((corefile) =>
    directives(corefile, "autopath").flatMap(({ block, line }): Draft[] => {
      if (!argumentsOf(line).some((w) => w === "@kubernetes")) return [];
      const kubernetes = block.lines.find((l) => l.name === "kubernetes");
      const option = kubernetes && optionsOf(kubernetes).find((o) => o.words[0] === "pods");
      if (kubernetes === undefined || option?.words[1] === "verified") return [];
      const at = line.tokens[0]?.line ?? 1;
      const open = kubernetes.tokens.find((t) => t.text === "{")?.line;
      return [
        {
          message: `autopath @kubernetes, and kubernetes has \`pods ${option?.words[1] ?? "disabled"}\``,
          at: corefile.placeOf(at),
          evidence: [evidence(quoted(corefile, option?.line ?? at), corefile.placeOf(option?.line ?? at))],
          fix:
            option !== undefined
              ? corefileFix(
                  corefile,
                  "write `pods verified`",
                  withLine(corefile, option.line, "pods verified"),
                )
              : open !== undefined
                ? corefileFix(
                    corefile,
                    "add `pods verified`",
                    withLine(corefile, open, quoted(corefile, open), "    pods verified"),
                  )
                : corefileFix(corefile, "take autopath away", withoutDirective(corefile, "autopath")),
        },
      ];
    }),
  ),
};
