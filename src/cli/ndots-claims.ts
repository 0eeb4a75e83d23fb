/** `clusterdns ndots claims`: what is said about ndots:5 and its remedies, tried. */
import { parseArgs } from "node:util";
import { tryClaims, type Claim } from "../ndots/claims/claims.ts";
import { parseResolvConf } from "../resolver/conf.ts";
import { podResolvConf } from "../resolver/pod.ts";
import { readChain } from "./ndots-chain.ts";
import { CLUSTER_DOMAIN } from "./ndots-options.ts";

const usage = `Usage: clusterdns ndots claims [--json] [--seed N]

Tries what is said about ndots:5, NodeLocal DNSCache and the other remedies, in chains in virtual time, and prints it beside
what the real programs did. Takes some seconds.
`;

const NAMESPACE = "default";

type Writable = Pick<NodeJS.WritableStream, "write">;

export async function run(
  argv: string[],
  out: Writable = process.stdout,
  err: Writable = process.stderr,
): Promise<number> {
  let values;
  try {
    values = parseArgs({
      args: argv,
      options: {
        json: { type: "boolean", default: false },
        seed: { type: "string", default: "1" },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
    if (!/^\d{1,9}$/.test(values.seed)) throw new Error(`--seed ${values.seed}: not a number`);
  } catch (error) {
    err.write(`clusterdns ndots claims: ${(error as Error).message.split(". ")[0]!}\n`);
    return 2;
  }
  if (values.help) {
    out.write(usage);
    return 0;
  }
  const seed = Number(values.seed);
  const none = { conf: undefined, manifests: undefined, nodelocal: false, nodelocalConf: undefined };
  const names = ["api.example.com", "example.com"];
  const parts = await readChain({ ...none, records: undefined, rtt: [] }, names, NAMESPACE);
  if (typeof parts === "string") {
    err.write(`clusterdns ndots claims: ${parts}\n`);
    return 2;
  }
  const conf = parseResolvConf(
    podResolvConf({
      namespace: NAMESPACE,
      clusterDomain: CLUSTER_DOMAIN,
      nameserver: "10.96.0.10",
      ndots: 5,
      nodeSearches: [],
      dnsConfig: {},
    }),
  );
  const claims = await tryClaims(
    { ...parts, namespace: NAMESPACE, clusterDomain: CLUSTER_DOMAIN, conf, net: "dual", seed },
    seed,
  );
  out.write(values.json ? JSON.stringify({ claims }, undefined, 2) + "\n" : claims.map(text).join("\n"));
  return 0;
}

const VERDICT = {
  yes: "holds",
  partly: "holds in part",
  no: "does not hold",
  untested: "not tested as a whole",
} as const;

const text = ({ claim, recorded, here, holds, remark }: Claim): string =>
  [
    `${claim}: ${VERDICT[holds]}`,
    ...(recorded === null ? [] : [`  real programs  ${recorded}`]),
    `  here           ${here}`,
    ...(remark === "" ? [] : [`  ${remark}`]),
    "",
  ].join("\n");
